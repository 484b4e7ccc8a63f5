"""The bridge's own replies, written straight to ASGI: they must work when everything else is broken."""

import json
from collections.abc import Iterable
from typing import Any

from starlette.types import Send

UNAVAILABLE = "unavailable"
"""A stack that answers 503 may say in its `http.response.start` what it lacked: `"unavailable": "database"`.
Then the reply says nothing about the stack. It is taken out before the server sees it."""


async def send_error(
    send: Send, status: int, text: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """``{"error": text}``, the envelope that JSON clients of either stack can read."""
    await send_json(send, status, {"error": text}, headers)


async def send_json(
    send: Send, status: int, document: Any, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """A whole reply."""
    body = json.dumps(document).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
