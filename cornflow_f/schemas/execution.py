# ruff: noqa: N815 - the names are those of the API
"""Executions. Source: the legacy's ``schemas/execution.py``."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from cornflow_f.schemas.data import DataReply
from cornflow_f.schemas.query import ListFilters
from cornflow_f.schemas.solver_log import BasicLogReply, Log, Texts
from cornflow_f.validation.marshmallow import Bool, Float, Int, Raw, RequestModel, Text, not_null


class ExecutionFilters(ListFilters):
    checks_and_kpis: Bool = False


class ExecutionRequest(RequestModel):
    config: Raw
    name: Text
    description: Text = ""
    instance_id: Text
    schema_: Annotated[Text, Field(alias="schema")] = "solve_model_dag"
    data: Raw = None


class ExecutionEditRequest(RequestModel):
    name: Text = ""
    description: Text = ""
    data: Raw = None
    instance_id: Text = ""


class ExecutionStatusRequest(RequestModel):
    id: Text = ""
    status: Int = 0


class SolverConfig(RequestModel):
    solver: Text = "PULP_CBC_CMD"
    mip: Bool = True
    msg: Bool = True
    warmStart: Bool = True
    timeLimit: Int = 0
    seconds: Int = 0
    options: Texts = Field(default_factory=list)
    keepFiles: Bool = True
    gapRel: Float = 0.0
    gapAbs: Float = 0.0
    maxMemory: Int = 0
    maxNodes: Int = 0
    threads: Int = 0
    logPath: Text = ""
    MIPGap: Float = 0.0

    def filled(self) -> dict[str, Any]:
        """What the client sent, and the solver."""
        return {**self.sent_fields(), "solver": self.solver}


class RelaunchRequest(RequestModel):
    config: Annotated[SolverConfig, BeforeValidator(not_null)]


class ResultRequest(RequestModel):
    """What a worker writes back when a workflow has run."""

    data: Raw = None
    log_text: Text = ""
    log_json: Annotated[Log, BeforeValidator(not_null)] = Log()
    state: Int = 1
    checks: Raw = None
    kpis: Any = None
    solution_schema: Text | None = None


class ManualExecutionRequest(ExecutionRequest, ResultRequest):
    """An execution that was run elsewhere, with its results."""


class ExecutionReply(DataReply):
    config: Any
    instance_id: str
    state: int
    message: Annotated[str | None, Field(alias="state_message", serialization_alias="message")]


class _WithUser(ExecutionReply):
    updated_at: datetime
    username: str | None
    first_name: str | None
    last_name: str | None


class ExecutionListed(_WithUser):
    log: BasicLogReply | None


class ExecutionDetail(_WithUser):
    pass


class ExecutionStatus(BaseModel):
    id: str
    state: int
    message: str | None
    data_hash: str


class ExecutionData(ExecutionReply):
    data: Any
    checks: Any
    kpis: Any
    log: BasicLogReply | None


class ExecutionLog(_WithUser):
    indicators: str
    log: Log | None
    log_text: str | None


class ExecutionInput(BaseModel):
    """What a worker needs for a run: `id` is the instance's."""

    id: str
    data: Any
    solution_data: Any
    config: Any


class OrchestratorErrorReply(BaseModel):
    """The envelope when the orchestrator fails: `message` and `state` are the execution's."""

    error: str
    message: str | None = None
    state: int | None = None
