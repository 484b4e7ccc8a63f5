"""A role, e.g. planner. Users have roles, roles have permissions."""

from typing import TYPE_CHECKING

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.models.base import TracedBase

if TYPE_CHECKING:
    from cornflow_f.models.permission import Permission
    from cornflow_f.models.user_role import UserRole


class Role(TracedBase):
    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128))

    user_roles: Mapped[list["UserRole"]] = relationship(
        primaryjoin="and_(Role.id == UserRole.role_id, UserRole.deleted_at.is_(None))",
        cascade="all, delete",
        lazy="raise",
    )
    permissions: Mapped[list["Permission"]] = relationship(
        primaryjoin="and_(Role.id == Permission.role_id, Permission.deleted_at.is_(None))",
        cascade="all, delete",
        lazy="raise",
    )

    def __repr__(self) -> str:
        return f"<Role {self.name}>"
