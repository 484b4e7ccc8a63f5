"""An execution: one run of a workflow on an instance. Its id digests its time, user and instance."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ForeignKey, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.constants import EXECUTION_STATE_MESSAGES, ExecutionFiles, ExecutionState
from cornflow_f.models.base import DataBase, generated_id

if TYPE_CHECKING:
    from cornflow_f.models.user import User


class Execution(DataBase):
    __tablename__ = "executions"

    id: Mapped[str] = mapped_column(String(256), primary_key=True)
    instance_id: Mapped[str] = mapped_column(String(256), ForeignKey("instances.id"))
    config: Mapped[Any] = mapped_column(JSON, nullable=False)
    run_id: Mapped[str | None] = mapped_column(String(256))
    log_text: Mapped[str | None] = mapped_column(Text)
    log_json: Mapped[Any] = mapped_column(JSON, nullable=True)
    state: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    state_message: Mapped[str | None] = mapped_column(Text)
    kpis: Mapped[Any] = mapped_column(JSON, nullable=True)
    last_run_checks_and_kpis: Mapped[bool | None]
    checks_and_kpis_only: Mapped[bool | None]
    execution_files_status: Mapped[int] = mapped_column(SmallInteger)

    user: Mapped["User"] = relationship(viewonly=True, lazy="raise")

    def __init__(self, **values: Any) -> None:
        values.setdefault("state", int(ExecutionState.RUNNING))
        values.setdefault("state_message", EXECUTION_STATE_MESSAGES[values["state"]])
        values.setdefault("last_run_checks_and_kpis", False)
        values.setdefault("checks_and_kpis_only", False)
        values.setdefault("execution_files_status", int(ExecutionFiles.NOT_GENERATED))
        super().__init__(**values)
        if self.id is None:
            self.id = generated_id(self.created_at, self.user_id, self.instance_id)

    def __repr__(self) -> str:
        return f"<Execution {self.id}>"
