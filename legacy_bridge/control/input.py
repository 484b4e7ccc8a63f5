"""What the control API takes: text that can be stored, of bounded length; and how the rest is refused."""

import json
from typing import Annotated, Any

from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, model_validator

Name = Annotated[str, Field(max_length=500)]
"""Of an operation, a group, a setting, or a glob."""
Why = Annotated[str, Field(max_length=2_000)]


class Input(BaseModel):
    """A body. Text that holds half a surrogate pair is none: no database and no page can show it."""

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        if not _is_encodable(value):
            raise ValueError("a text holds half a surrogate pair")
        return value


def _is_encodable(value: Any) -> bool:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
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
    """FastAPI's own reply, unless what was sent can't be shown: then a 400."""
    assert isinstance(error, RequestValidationError)
    try:
        detail = jsonable_encoder(error.errors())
        json.dumps(detail, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return JSONResponse({"error": "the request holds text or numbers that are none"}, 400)
    return JSONResponse({"detail": detail}, 422)
