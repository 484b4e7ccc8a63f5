"""The route class of the port: reads a body as the legacy does, compresses where the legacy does."""

import asyncio
import gzip
import io
import json
import zlib
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi.dependencies.models import Dependant
from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from cornflow_f.web.compression import compressed
from cornflow_f.web.deps import bearer_token, get_session, open_session, username_of
from cornflow_f.web.routing import legacy_rule

MALFORMED = object()
"""Stands for a body that is not JSON: refused by validation, so after the permission check."""

DAMAGED = object()
"""Stands for a body that says it is gzip and is not."""

TOO_LARGE = object()
"""Stands for a body that is larger than the server inflates (`CORNFLOW_F_MAX_INFLATED_BYTES`)."""

UNREADABLE = (MALFORMED, DAMAGED, TOO_LARGE)

_LARGE_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_BEST_RATIO = 1032
"""The most that deflate makes of one byte."""


class JsonRequest(Request):
    """A request whose body is always JSON: `{}` when there is none or it says it is something else.

    Source: webargs' reading of the location "json".
    """

    def __init__(self, original: Request, *, inflates: bool = False, max_inflated: int = 0) -> None:
        headers = [h for h in original.scope["headers"] if h[0] != b"content-type"]
        headers.append((b"content-type", b"application/json"))
        super().__init__({**original.scope, "headers": headers}, original.receive)
        self._content_type = original.headers.get("content-type", "")
        # parity: exactly this word, and only where the legacy asks for it (flask_inflate)
        self._inflates = inflates and original.headers.get("content-encoding") == "gzip"
        self._max_inflated = max_inflated
        self._parsed: Any = None
        self._raw = b""
        self.is_empty = True

    @property
    def says_json(self) -> bool:
        return is_json(self._content_type)

    @property
    def is_inflated(self) -> bool:
        return self._inflates

    async def body(self) -> bytes:
        raw = await super().body()
        self._raw = raw
        self.is_empty = not raw
        if not raw or not self.says_json:
            self._parsed = {}
        else:
            # What is small may inflate to something large.
            large = len(raw) * (_BEST_RATIO if self._inflates else 1) >= _LARGE_BYTES
            self._parsed = await asyncio.to_thread(self._read, raw) if large else self._read(raw)
        return b"parsed"

    def _read(self, raw: bytes) -> Any:
        return _inflate_and_decode(raw, self._max_inflated) if self._inflates else _decode(raw)

    async def json(self) -> Any:
        return self._parsed

    def marked_json(self) -> Any:
        """The body if it is JSON with a byte order mark, or in UTF-16 or UTF-32; else MALFORMED."""
        try:
            return json.loads(self._raw)
        except (ValueError, RecursionError):
            return MALFORMED


def _decode(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode())
    except (ValueError, RecursionError):
        return MALFORMED


def _inflate_and_decode(raw: bytes, most: int) -> Any:
    try:
        if len(raw) * _BEST_RATIO > most and _inflates_beyond(raw, most):
            return TOO_LARGE
        inflated = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error):
        return DAMAGED
    return _decode(inflated) if inflated else {}


def _inflates_beyond(raw: bytes, most: int) -> bool:
    """Whether there is more in it than `most` bytes. Keeps nothing: a bomb costs time, no memory."""
    found = 0
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
        while chunk := file.read(_CHUNK_BYTES):
            found += len(chunk)
            if found > most:
                return True
    return False


def is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


class PortRoute(APIRoute):
    """One operation of the port."""

    @property
    def rule(self) -> str:
        """The path as Flask writes it: what the permission tables know the route by."""
        return legacy_rule(self.path)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        reads_json = self.body_field is not None and not isinstance(
            self.body_field.field_info, Form
        )
        inflates = any(part.call is inflate_request for part in self.dependant.dependencies)
        uses_session = _uses(self.dependant, get_session)

        async def port_route_handler(request: Request) -> Response:
            _keep_first_values(request)
            if reads_json:
                most = request.app.state.settings.max_inflated_bytes
                request = JsonRequest(request, inflates=inflates, max_inflated=most)
                if request.is_inflated:
                    # The guard will say the same, but only after the body was inflated.
                    await username_of(bearer_token(request), request)
            if uses_session:
                async with open_session(request) as session:
                    request.state.session = session
                    response = await handle(request)
            else:
                response = await handle(request)
            if getattr(request.state, "compress", False):
                return await compressed(request, response)
            return response

        return port_route_handler


def _uses(dependant: Dependant, call: Callable[..., Any]) -> bool:
    """Whether a route depends on something, itself or through what it depends on."""
    parts = dependant.dependencies
    return any(part.call is call or _uses(part, call) for part in parts)


def _keep_first_values(request: Request) -> None:
    """Of a query parameter given twice the legacy takes the first value, Starlette the last."""
    query: bytes = request.scope["query_string"]
    if b"&" not in query:
        return
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    first = dict(reversed(pairs))
    if len(first) < len(pairs):
        request.scope["query_string"] = urlencode(first).encode("latin-1")


# A coroutine: FastAPI would send a plain function to a thread.
async def compress_reply(request: Request) -> None:
    """Route dependency: the reply may be compressed. Placed after the permission check, as in the legacy."""
    request.state.compress = True


async def inflate_request() -> None:
    """Route dependency, a mark: the body may be sent gzip-encoded."""
