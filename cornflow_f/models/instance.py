"""An instance: the data of a problem. Its id is a digest of its time and its user."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.models.base import DataBase, generated_id

if TYPE_CHECKING:
    from cornflow_f.models.execution import Execution
    from cornflow_f.models.user import User


class Instance(DataBase):
    __tablename__ = "instances"

    id: Mapped[str] = mapped_column(String(256), primary_key=True)

    user: Mapped["User"] = relationship(viewonly=True, lazy="raise")
    executions: Mapped[list["Execution"]] = relationship(
        primaryjoin="and_(Instance.id == Execution.instance_id, Execution.deleted_at.is_(None))",
        cascade="all, delete",
        lazy="raise",
    )

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if self.id is None:
            self.id = generated_id(self.created_at, self.user_id)

    def __repr__(self) -> str:
        return f"<Instance {self.id}>"
