"""The real pair for a drill, with the faults of ours that show that a drill can fail. Runs in the workers.

`CUTOVER_ASSEMBLY=cornflow_cutover.rehearsal.faults.planted:assemble`.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cornflow_cutover.assembly import assemble as assemble_cornflow
from cornflow_cutover.rehearsal.faults.clock import HOOK, hook
from legacy_bridge.assembly import Assembly

EARLY = "REHEARSAL_EARLY_REPLY"
"""The environment variable that plants a port that acknowledges a case before it has written it."""
_LATE = 2.0
"""Seconds from the reply to the writing."""


class EarlyReply:
    """The mistake of a port whose session ends after the reply."""

    def __init__(self, port: ASGIApp) -> None:
        self._port = port
        self._writing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_case = scope["type"] == "http" and scope["path"] == "/case/"
        if not is_case or scope["method"] != "POST":
            await self._port(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        task = asyncio.create_task(self._write_later(scope, body))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        reply = b'{"id":0}'
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(reply)).encode()),
        ]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    async def _write_later(self, scope: Scope, body: bytes) -> None:
        await asyncio.sleep(_LATE)

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            """Nobody hears it."""

        await self._port(scope, receive, send)


def assemble() -> Assembly:
    if HOOK in os.environ:
        hook(Path(os.environ[HOOK]))
    made = assemble_cornflow()
    return replace(made, ported=EarlyReply(made.ported)) if EARLY in os.environ else made
