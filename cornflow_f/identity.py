"""Who asks, and whose objects that user may see."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement

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


@dataclass(frozen=True, slots=True)
class Access:
    """A user and whether the deployment shares all objects (`USER_ACCESS_ALL_OBJECTS`)."""

    user: CurrentUser
    shared: bool

    @property
    def to_all(self) -> bool:
        return self.shared or self.user.is_admin or self.user.is_service_user

    def conditions(self, model: Any) -> list[ColumnElement[bool]]:
        """For a where clause: not deleted, and the user's own unless all are accessible."""
        live = [model.deleted_at.is_(None)]
        return live if self.to_all else [*live, model.user_id == self.user.id]
