"""Shapes that many operations share."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


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


# parity: the legacy shows some times as Python prints them, with a blank and not a T
PrintedTime = Annotated[str, BeforeValidator(str)]

# parity: names of actions and views are shown with blanks (schemas/action.py, ActionsResponse)
SpacedName = Annotated[str, BeforeValidator(lambda name: name.replace("_", " "))]
