"""Around the bridge's own routes: bodies of a bounded length, and replies that browsers may not misuse.

FastAPI reads a body whole before it looks who sent it, so the limit is the only thing between an anonymous
client and the memory.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.stacks.edge import has_body
from legacy_bridge.stacks.replies import send_error

MAX_BODY = 1024 * 1024
"""Bytes: a group of some thousand operations."""

_DEFAULTS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}
"""Of replies that say nothing else."""


class OwnRequests:
    """Passes on what is short enough; 413 for the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = [*message.get("headers", ())]
                known = {name.lower() for name, _ in fields}
                fields += [field for field in _DEFAULTS.items() if field[0] not in known]
                message = {**message, "headers": fields}
            await send(message)

        if has_body(scope["headers"]):
            body = await _read(scope, receive)
            if body is None:
                close = [(b"connection", b"close")]
                await send_error(careful, 413, f"a body has at most {MAX_BODY} bytes here", close)
                return
            receive = _whole(body, receive)
        await self._app(scope, receive, careful)


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """None when it is too long. A client that goes away sends what it has sent."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if not length.isdigit() or int(length) > MAX_BODY:
        return None
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BODY:
            return None
        more = message.get("more_body", False)
    return b"".join(pieces)


def _whole(body: bytes, after: Receive) -> Receive:
    is_read = False

    async def receive() -> Message:
        nonlocal is_read
        if is_read:
            return await after()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
