"""What the permission tables know of a view, and the roles an external application may add."""

from dataclasses import dataclass

from cornflow_f.constants import Action, Role


@dataclass(frozen=True, slots=True)
class CustomRole:
    """A role of an external application: on the views that name it, it may do `actions`.

    `id` is stored in rows: it never changes, and none of `Role` has it.
    """

    id: int
    actions: tuple[Action, ...]
    name: str = ""

    @property
    def label(self) -> str:
        """Its name in the database; that of the legacy if it has none."""
        return self.name or f"custom_role_{self.id}"

    def __int__(self) -> int:
        return self.id


AnyRole = Role | CustomRole


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """A view: name, rule as Flask writes it, and who has access."""

    name: str
    url_rule: str
    roles_with_access: tuple[AnyRole, ...]
    description: str = ""
    extra_permissions: tuple[tuple[AnyRole, Action], ...] = ()
    """What an external application grants besides."""
