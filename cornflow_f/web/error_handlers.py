"""Turns exceptions into the legacy's replies. One handler per kind, for the whole application."""

import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cornflow_f.errors import CornflowError
from cornflow_f.validation.marshmallow import marshmallow_messages
from cornflow_f.web.body import DAMAGED, MALFORMED, TOO_LARGE, TOO_MANY

logger = logging.getLogger("cornflow_f")

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


class AsciiJSONResponse(JSONResponse):
    """Escapes what is not ASCII, as the legacy does: a lone surrogate has no other form."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode("ascii")


async def _render_unencodable(_: Request, error: Exception) -> JSONResponse:
    # legacy-5xx: JSON can hold half a surrogate pair, no database can.
    logger.error("Text that can't be encoded: %s", error)
    return AsciiJSONResponse({"error": "The data sent is not valid text"}, 400)


async def _render_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CornflowError)
    logger.error(error.log)
    response = AsciiJSONResponse({**error.payload, "error": error.error}, error.status)
    if getattr(request.state, "compress", False):
        # parity: a refusal by an operation that may compress says so too
        response.headers.append("Vary", "Accept-Encoding")
    return response


async def _render_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    if error.body is MALFORMED:
        return JSONResponse({"messages": {"json": ["Invalid JSON body."]}}, 400)
    if error.body is DAMAGED:
        return JSONResponse({"error": "The body says it is gzip, but can't be inflated."}, 400)
    if error.body is TOO_LARGE:
        most = request.app.state.settings.max_inflated_bytes
        text = (
            f"The inflated body is larger than {most} bytes, which is the most this server takes."
        )
        return JSONResponse({"error": text}, 413)
    if error.body is TOO_MANY:
        most = request.app.state.settings.max_json_values
        text = f"The body has more than {most} values, which is the most this server takes."
        return JSONResponse({"error": text}, 413)
    location, places = _located(error.errors())
    return AsciiJSONResponse({"error": str({location: marshmallow_messages(places)})}, 400)


def _located(errors: Sequence[Any]) -> tuple[str, list[dict[str, Any]]]:
    """The legacy's name of the part of the request that is wrong, and the errors relative to it."""
    names = {"body": "json", "query": "query"}
    location = names.get(errors[0]["loc"][0], "json")
    return location, [{**error, "loc": error["loc"][1:]} for error in errors]


async def _render_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"message": error.detail}, error.status_code, headers=error.headers)


HANDLERS: dict[int | type[Exception], Handler] = {
    CornflowError: _render_error,
    HTTPException: _render_http_error,
    RequestValidationError: _render_validation_error,
    UnicodeEncodeError: _render_unencodable,
}
