"""Cases. Source: the legacy's ``schemas/case.py`` and ``schemas/patch.py``."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.schemas.data import Schema
from cornflow_f.schemas.query import QueryModel
from cornflow_f.validation.marshmallow import Bool, Int, Raw, RequestModel, Text, many


class CaseRequest(RequestModel):
    name: Text
    description: Text = ""
    schema_: Annotated[Text, Field(alias="schema")]
    parent_id: Int | None = None
    data: Raw = None
    checks: Raw = None
    solution: Any = None
    solution_checks: Any = None
    kpis: Any = None


class CaseFromInstanceRequest(RequestModel):
    instance_id: Text = ""
    execution_id: Text = ""
    name: Text
    description: Text = ""
    parent_id: Int | None = None
    schema_: Annotated[Text, Field(alias="schema")]


class CaseEditRequest(RequestModel):
    name: Text = ""
    description: Text = ""
    parent_id: Int | None = None


class PatchOperation(RequestModel):
    """One step of a JSON patch. Steps with `from` are refused, as the legacy refuses them."""

    op: Text
    path: Text
    value: Raw = None


Patch = Annotated[list[PatchOperation], BeforeValidator(many)]


class CasePatchRequest(RequestModel):
    data_patch: Patch = Field(default_factory=list)
    solution_patch: Patch = Field(default_factory=list)


class CompareQuery(QueryModel):
    data: Bool = True
    solution: Bool = True


class CaseListed(ReplyModel):
    id: int
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime
    user_id: int
    data_hash: str
    solution_hash: str
    schema_: Schema
    path: str
    is_dir: bool


class CaseDetail(CaseListed):
    indicators: str


class CaseData(CaseDetail):
    data: Any
    checks: Any
    solution: Any
    solution_checks: Any
    kpis: Any


class CaseToInstance(ReplyModel):
    id: str
    schema_: Schema


class PatchStep(BaseModel):
    op: str
    path: str
    value: Any = None


class CaseComparison(ReplyModel):
    """What turns the first case into the second; a part that was not asked for is left out."""

    data_patch: list[PatchStep] | None = None
    solution_patch: list[PatchStep] | None = None
