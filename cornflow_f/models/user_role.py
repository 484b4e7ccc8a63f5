"""The assignment of a role to a user."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.models.base import TracedBase

if TYPE_CHECKING:
    from cornflow_f.models.role import Role
    from cornflow_f.models.user import User


class UserRole(TracedBase):
    __tablename__ = "user_role"
    __table_args__ = (
        UniqueConstraint("user_id", "role_id", name="c_unique_user_role_user_id_role_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    role_id: Mapped[int] = mapped_column(ForeignKey("roles.id"))

    user: Mapped["User"] = relationship(viewonly=True, lazy="joined")
    role: Mapped["Role"] = relationship(viewonly=True, lazy="joined")

    def __repr__(self) -> str:
        # Only what is loaded: this text goes into error messages, after a rollback too.
        user, role = self.__dict__.get("user"), self.__dict__.get("role")
        if user is None or role is None:
            return f"{self.user_id} has role {self.role_id}"
        return f"{user.username} has role {role.name}"
