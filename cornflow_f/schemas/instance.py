"""Instances. Source: the legacy's ``schemas/instance.py`` and ``schemas/execution.py``."""

from typing import Annotated, Any

from pydantic import Field

from cornflow_f.schemas.data import DataReply
from cornflow_f.validation.marshmallow import Bool, Raw, RequestModel, Text


class InstanceRequest(RequestModel):
    name: Text
    description: Text = ""
    data: Raw
    checks: Any = None
    data_schema: Text = ""
    schema_: Annotated[Text, Field(alias="schema")] = "solve_model_dag"


class InstanceEditRequest(RequestModel):
    name: Text = ""
    description: Text = ""
    data: Raw = None


class InstanceFileForm(RequestModel):
    """The fields of a form that uploads a problem as an MPS file, beside the file itself."""

    name: Text
    description: Text = ""
    minimize: Bool = True


class InstanceListed(DataReply):
    pass


class ExecutionOfInstance(DataReply):
    config: Any
    instance_id: str
    state: int
    message: Annotated[str | None, Field(alias="state_message", serialization_alias="message")]


class InstanceDetail(DataReply):
    executions: list[ExecutionOfInstance]


class InstanceData(DataReply):
    data: Any
    checks: Any
