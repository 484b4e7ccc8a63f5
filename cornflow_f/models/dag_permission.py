"""The permission of a user to use a deployed workflow."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.models.base import TracedBase

if TYPE_CHECKING:
    from cornflow_f.models.user import User


class DagPermission(TracedBase):
    __tablename__ = "permission_dag"
    __table_args__ = (UniqueConstraint("dag_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dag_id: Mapped[str] = mapped_column(String(128), ForeignKey("deployed_workflows.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))

    user: Mapped["User"] = relationship(viewonly=True, lazy="raise")

    def __repr__(self) -> str:
        return f"<DAG permission user: {self.user_id}, DAG: {self.dag_id}>"
