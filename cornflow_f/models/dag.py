"""A deployed workflow ("DAG"): its id at the orchestrator and the JSON schemas of its data."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.models.base import TracedBase

if TYPE_CHECKING:
    from cornflow_f.models.dag_permission import DagPermission


class DeployedWorkflow(TracedBase):
    __tablename__ = "deployed_workflows"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    description: Mapped[str | None] = mapped_column(Text)
    instance_schema: Mapped[Any] = mapped_column(JSON, nullable=True)
    solution_schema: Mapped[Any] = mapped_column(JSON, nullable=True)
    config_schema: Mapped[Any] = mapped_column(JSON, nullable=True)
    instance_checks_schema: Mapped[Any] = mapped_column(JSON, nullable=True)
    solution_checks_schema: Mapped[Any] = mapped_column(JSON, nullable=True)
    kpis_schema: Mapped[Any] = mapped_column(JSON, nullable=True)

    dag_permissions: Mapped[list["DagPermission"]] = relationship(
        cascade="all, delete", lazy="raise"
    )

    def __repr__(self) -> str:
        return f"<DAG {self.id}>"
