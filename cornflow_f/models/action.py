"""What can be done to a view: the five methods as `can_get`, `can_patch`, …"""

from typing import TYPE_CHECKING

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.database.engine import Base

if TYPE_CHECKING:
    from cornflow_f.models.permission import Permission


class Action(Base):
    __tablename__ = "actions"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)

    permissions: Mapped[list["Permission"]] = relationship(
        primaryjoin="and_(Action.id == Permission.action_id, Permission.deleted_at.is_(None))",
        cascade="all, delete",
        lazy="raise",
    )

    def __repr__(self) -> str:
        return f"<Action {self.id}: {self.name}>"
