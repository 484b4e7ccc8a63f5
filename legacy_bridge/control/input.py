"""What the control API takes: text that can be stored, of bounded length; and how the rest is refused."""

from typing import Annotated, Any

from fastapi import Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field, model_validator
from starlette.exceptions import HTTPException

Name = Annotated[str, Field(max_length=500)]
"""Of an operation, a group, a setting, or a glob."""
Why = Annotated[str, Field(max_length=2_000)]


_MOST_ERRORS = 20


def is_text(value: str | None) -> str | None:
    """For parameters outside of a body. Raises ValueError."""
    if not _is_encodable(value):
        raise ValueError("a text holds half a surrogate pair or a zero byte")
    return value


Wanted = Annotated[str | None, Query(max_length=500), AfterValidator(is_text)]
"""A name to look for."""
GroupName = Annotated[str, Path(max_length=500), AfterValidator(is_text)]


class Input(BaseModel):
    """A body. Text that holds half a surrogate pair, or a zero, is none: no database keeps it."""

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        if not _is_encodable(value):
            raise ValueError("a text holds half a surrogate pair or a zero byte")
        return value


def _is_encodable(value: Any) -> bool:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            if "\0" in one:
                return False
            try:
                one.encode()
            except UnicodeEncodeError:
                return False
        elif isinstance(one, dict):
            pending += [*one, *one.values()]
        elif isinstance(one, list):
            pending += one
    return True


async def invalid(_: Any, error: Exception) -> JSONResponse:
    """400, as for everything else that can't be understood; without what was sent, which may be a password."""
    assert isinstance(error, RequestValidationError)
    detail = [
        {
            "loc": [_shown(part) for part in one["loc"]],
            "msg": _shown(one["msg"]),
            "type": one["type"],
        }
        for one in error.errors()[:_MOST_ERRORS]
    ]
    text = "the request can't be understood"
    if detail:
        place = ".".join(str(part) for part in detail[0]["loc"])
        text = f"{place}: {detail[0]['msg']}"
    return JSONResponse({"error": text, "detail": detail}, 400)


async def refused_by_framework(_: Any, error: Exception) -> JSONResponse:
    """What the framework itself refuses, in the envelope of all other errors."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, headers=error.headers)


def _shown(part: Any) -> Any:
    return part.encode(errors="replace").decode()[:500] if isinstance(part, str) else part
