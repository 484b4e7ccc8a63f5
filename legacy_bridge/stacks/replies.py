"""The bridge's own replies, written straight to ASGI: they must work when everything else is broken."""

import json
from collections.abc import Iterable

from starlette.types import Send


async def send_error(
    send: Send, status: int, text: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """``{"error": text}``, the envelope that JSON clients of either stack can read."""
    body = json.dumps({"error": text}).encode()
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
