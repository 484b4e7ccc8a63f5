# ruff: noqa: N815 - the names are those of the API
"""What a solver reports about its run. Source: the legacy's ``schemas/solution_log.py``."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.validation.marshmallow import Float, Int, RequestModel, Text, not_null

Texts = Annotated[list[Text], BeforeValidator(not_null)]

BASIC = ("status", "status_code", "sol_code")
"""The part of a log that lists and solutions show."""


class Matrix(RequestModel):
    constraints: Int = 0
    variables: Int = 0
    nonzeros: Int = 0


class Presolve(RequestModel):
    cols: Int
    rows: Int
    time: Float


class FirstSolution(RequestModel):
    Node: Int | None
    NodesLeft: Int | None
    BestInteger: Float | None
    CutsBestBound: Float | None


class Progress(RequestModel):
    Node: Texts = Field(default_factory=list)
    NodesLeft: Texts = Field(default_factory=list)
    Objective: Texts = Field(default_factory=list)
    IInf: Texts = Field(default_factory=list)
    BestInteger: Texts = Field(default_factory=list)
    CutsBestBound: Texts = Field(default_factory=list)
    ItpNode: Texts = Field(default_factory=list)
    Gap: Texts = Field(default_factory=list)
    Time: Texts = Field(default_factory=list)
    Depth: Texts = Field(default_factory=list)


class Log(RequestModel):
    """Unknown keys are dropped here, and refused inside its parts."""

    model_config = ConfigDict(extra="ignore")

    status: Text | None = None
    status_code: Int | None = None
    sol_code: Int | None = None
    version: Text | None = None
    solver: Text | None = None
    best_bound: Float | None = None
    best_solution: Float | None = None
    gap: Float | None = None
    time: Float | None = None
    matrix: Matrix | None = None
    matrix_post: Matrix | None = None
    rootTime: Float | None = None
    presolve: Presolve | None = None
    first_relaxed: Float | None = None
    first_solution: FirstSolution | None = None
    nodes: Int | None = None
    progress: Annotated[Progress, BeforeValidator(not_null)] = Progress()
    cut_info: Any = None


class BasicLogReply(ReplyModel):
    status: str | None = None
    status_code: int | None = None
    sol_code: int | None = None
