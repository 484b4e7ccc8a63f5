"""The route class of the port: reads a body as the legacy does, compresses where the legacy does."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from cornflow_f.compression import compressed
from cornflow_f.routing import legacy_rule

MALFORMED = object()
"""Stands for a body that is not JSON: refused by validation, so after the permission check."""

_LARGE_BYTES = 64 * 1024


class JsonRequest(Request):
    """A request whose body is always JSON: `{}` when there is none or it says it is something else.

    Source: webargs' reading of the location "json".
    """

    def __init__(self, original: Request) -> None:
        headers = [h for h in original.scope["headers"] if h[0] != b"content-type"]
        headers.append((b"content-type", b"application/json"))
        super().__init__({**original.scope, "headers": headers}, original.receive)
        self._content_type = original.headers.get("content-type", "")
        self._parsed: Any = None

    async def body(self) -> bytes:
        raw = await super().body()
        self._parsed = await _parse(raw, self._content_type)
        return b"parsed"

    async def json(self) -> Any:
        return self._parsed


async def _parse(raw: bytes, content_type: str) -> Any:
    if not raw or not is_json(content_type):
        return {}
    try:
        if len(raw) < _LARGE_BYTES:
            return json.loads(raw.decode())
        return await asyncio.to_thread(lambda: json.loads(raw.decode()))
    except (ValueError, RecursionError):
        return MALFORMED


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
        reads_json = self.body_field is not None

        async def port_route_handler(request: Request) -> Response:
            if reads_json:
                request = JsonRequest(request)
            response = await handle(request)
            if getattr(request.state, "compress", False):
                return await compressed(request, response)
            return response

        return port_route_handler


# A coroutine: FastAPI would send a plain function to a thread.
async def compress_reply(request: Request) -> None:
    """Route dependency: the reply may be compressed. Placed after the permission check, as in the legacy."""
    request.state.compress = True
