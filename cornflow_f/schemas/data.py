"""What replies about instances, executions and cases have in common. Source: ``schemas/common.py``."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from cornflow_f.schemas.common import ReplyModel

Schema = Annotated[str | None, Field(alias="schema")]
"""The field `schema`, under another name in Python: Pydantic's models have a method of that name."""


class DataReply(ReplyModel):
    id: str
    name: str
    description: str | None
    created_at: datetime
    user_id: int
    data_hash: str
    schema_: Schema


class InvalidDataReply(ReplyModel):
    """The envelope when data does not fit the schema of its workflow: one text per error."""

    error: str
    jsonschema_errors: list[str] | None = None
