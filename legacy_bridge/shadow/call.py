"""One call of an ASGI application in this process, by a request that was seen before."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from legacy_bridge.shadow.contract import Answer, ClientExchange
from legacy_bridge.stacks.replies import UNAVAILABLE

_log = logging.getLogger(__name__)

_OWN = "legacy_bridge."

_TASKS = Path("/proc/self/task")


def run_queue_seconds() -> float:
    """How long this process's threads have waited for a processor so far; 0 where nobody tells."""
    nanoseconds = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        for task in _TASKS.iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[1])
    return nanoseconds / 1e9


async def call(
    app: ASGIApp, exchange: ClientExchange, *, state: Mapping[str, Any], most: int
) -> Answer:
    """The application's reply; status 0 when it fails before it says one. `most`: bytes of its body."""
    scope: Scope = {
        name: value for name, value in exchange.scope.items() if not name.startswith(_OWN)
    }
    scope["headers"] = list(scope["headers"])
    scope["state"] = dict(state)
    scope.pop("extensions", None)
    sent = False
    never = asyncio.Event()
    status, unavailable = 0, False
    headers: list[tuple[bytes, bytes]] = []
    pieces: list[bytes] = []
    size = 0

    async def receive() -> Message:
        nonlocal sent
        if sent:
            # the client stays until it has its reply
            await never.wait()
        sent = True
        return {"type": "http.request", "body": exchange.body or b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, size, unavailable
        if message["type"] == "http.response.start":
            status = message["status"]
            unavailable = UNAVAILABLE in message and status == 503
            headers.extend((bytes(n).lower(), bytes(v)) for n, v in message.get("headers", ()))
        elif message["type"] == "http.response.body":
            piece = message.get("body", b"")
            size += len(piece)
            if size <= most:
                pieces.append(piece)

    waited, started = run_queue_seconds(), time.perf_counter()
    try:
        await app(scope, receive, send)
    except Exception:
        _log.exception("the second call of %s failed", exchange.operation)
        status = status or 500
    seconds = time.perf_counter() - started
    # Who runs at the lowest priority waits for a processor; that is not the application's doing.
    seconds = max(seconds - max(run_queue_seconds() - waited, 0.0), seconds / 100)
    body = b"".join(pieces) if size <= most else None
    return Answer(status, headers, body, seconds, unavailable)
