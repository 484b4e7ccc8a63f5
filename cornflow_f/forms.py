"""Forms, read and refused as the legacy does: marshmallow's messages under "form"."""

from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cornflow_f.errors import InvalidUsage
from cornflow_f.validation import RequestModel, marshmallow_messages

Form = TypeVar("Form", bound=RequestModel)


async def read_form(request: Request) -> FormData:
    """What the body holds; nothing when it is no form."""
    try:
        return await request.form()
    except (HTTPException, AssertionError, KeyError):
        # parity: a form that can't be read is an empty one (werkzeug)
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
