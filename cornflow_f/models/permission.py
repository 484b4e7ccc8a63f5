"""A permission: this role may do this action on this view."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.models.base import TracedBase

if TYPE_CHECKING:
    from cornflow_f.models.action import Action
    from cornflow_f.models.role import Role
    from cornflow_f.models.view import View


class Permission(TracedBase):
    __tablename__ = "permission_view"
    __table_args__ = (UniqueConstraint("action_id", "api_view_id", "role_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("actions.id"))
    api_view_id: Mapped[int] = mapped_column(ForeignKey("api_view.id"))
    role_id: Mapped[int] = mapped_column(ForeignKey("roles.id"))

    action: Mapped["Action"] = relationship(viewonly=True, lazy="raise")
    api_view: Mapped["View"] = relationship(viewonly=True, lazy="raise")
    role: Mapped["Role"] = relationship(viewonly=True, lazy="raise")

    def __repr__(self) -> str:
        return (
            f"<Permission role: {self.role_id}, action: {self.action_id}, view: {self.api_view_id}>"
        )
