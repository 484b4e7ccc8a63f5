"""Forms, read and refused as the legacy does: marshmallow's messages under "form"."""

from typing import Any, TypeVar

from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from cornflow_f.errors import InvalidUsage
from cornflow_f.validation.marshmallow import RequestModel, marshmallow_messages

Form = TypeVar("Form", bound=RequestModel)


class _Watched:
    """A request's body on its way to the parser, from its first boundary on, if it ends with its last."""

    def __init__(self, request: Request) -> None:
        self.request = request
        kind, options = parse_options_header(request.headers.get("content-type"))
        self.boundary = b"--" + options.get(b"boundary", b"")
        self.has_begun = self.is_whole = kind != b"multipart/form-data"
        self.tail = b""

    async def receive(self) -> Message:
        message = await self.request.receive()
        if self.is_whole or not message.get("body"):
            return message
        seen = self.tail + message["body"]
        if not self.has_begun:
            # parity: what stands before the first boundary is passed over (werkzeug)
            start = seen.find(self.boundary)
            self.has_begun = start >= 0
            message = {**message, "body": seen[start:] if self.has_begun else b""}
        self.is_whole = self.boundary + b"--" in seen
        self.tail = seen[-len(self.boundary) - 1 :]
        return message


async def read_form(request: Request) -> FormData:
    """What the body holds; nothing when it is no form."""
    watched = _Watched(request)
    try:
        form = await Request(request.scope, watched.receive).form()
    except (HTTPException, AssertionError, KeyError):
        # parity: a form that can't be read is an empty one (werkzeug)
        return FormData()
    if watched.is_whole:
        return form
    # parity: so is one that ends before its last boundary, whatever was complete until then (werkzeug)
    await form.close()
    return FormData()


def validated(form: FormData, model: type[Form]) -> Form:
    """The fields, the first of each name. Raises InvalidUsage."""
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            fields.setdefault(name, value)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidUsage(str({"form": marshmallow_messages(error.errors())})) from error


def uploaded(form: FormData, name: str) -> UploadFile | None:
    """The first file with this name."""
    files = [value for value in form.getlist(name) if isinstance(value, UploadFile)]
    return files[0] if files else None
