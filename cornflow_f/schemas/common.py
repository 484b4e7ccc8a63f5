"""Shapes that many operations share."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class ReplyModel(BaseModel):
    """A reply, read from a row or an object by attribute."""

    model_config = ConfigDict(from_attributes=True)


class Message(ReplyModel):
    message: str


class ErrorReply(ReplyModel):
    """The envelope of the application's own errors."""

    error: str


class HttpErrorReply(ReplyModel):
    """The envelope of errors found before or outside of an operation: unknown path, wrong method."""

    message: str
    error: str | None = None


class MalformedReply(ReplyModel):
    """The envelope of a body that is not JSON: ``{"messages": {"json": ["Invalid JSON body."]}}``."""

    messages: dict[str, list[str]]


class WorkflowNamed(BaseModel):
    """What a deployment that is not open to all asks for where nothing else is sent (OPEN_DEPLOYMENT=0)."""

    schema_: Annotated[str, Field(alias="schema", description="The workflow to be used")]


# parity: the legacy shows some times as Python prints them, with a blank and not a T
PrintedTime = Annotated[str, BeforeValidator(str)]

# parity: names of actions and views are shown with blanks (schemas/action.py, ActionsResponse)
SpacedName = Annotated[str, BeforeValidator(lambda name: name.replace("_", " "))]
