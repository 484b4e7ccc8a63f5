"""Who asks."""

from dataclasses import dataclass

from cornflow_f.constants import Role


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """An authenticated user. `roles` are the numbers of the roles assigned to the user."""

    id: int
    username: str
    roles: frozenset[int]

    @property
    def is_admin(self) -> bool:
        return Role.ADMIN in self.roles

    @property
    def is_service_user(self) -> bool:
        return Role.SERVICE in self.roles

    def __str__(self) -> str:
        return f"<Username {self.username}>"
