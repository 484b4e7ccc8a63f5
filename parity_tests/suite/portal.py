"""Runs ASGI applications for code that is not asynchronous: one event loop on a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Portal:
    """The loop of this process. A forked child gets one of its own: threads do not survive a fork."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="parity suite", daemon=True).start()
        self._pid = os.getpid()

    @property
    def alive(self) -> bool:
        return self._pid == os.getpid()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


class RunningPort:
    """An ASGI application between its start-up and its shutdown."""

    def __init__(self, app: Any, portal: Portal) -> None:
        self._app = app
        self._portal = portal
        self._state: dict[str, Any] = {}
        self._transport = httpx.ASGITransport(self._answer, raise_app_exceptions=False)
        self._inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._life: asyncio.Task[None] | None = portal.run(self._start())

    def send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """The reply as it is on the wire, and its body, not decoded."""
        return self._portal.run(self._send(request))

    async def _send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        reply = await self._transport.handle_async_request(request)
        assert isinstance(reply.stream, httpx.AsyncByteStream)
        return reply, b"".join([part async for part in reply.stream])

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = dict(self._state)
        try:
            await self._app(scope, receive, send)
        except Exception:
            # the reply is a 500; the test's report shows why
            _log.exception("the port failed on %s %s", scope["method"], scope["path"])
            raise

    async def _start(self) -> asyncio.Task[None] | None:
        life = asyncio.create_task(self._live(), name="lifespan")
        await self._inbox.put({"type": "lifespan.startup"})
        message = await self._messages.get()
        if message["type"] == "lifespan.startup.failed":
            raise RuntimeError(f"the port does not start: {message.get('message', '')}")
        # an application may have no lifespan
        return None if message["type"] == "none" else life

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        try:
            await self._app(scope, self._inbox.get, self._messages.put)
        except Exception:
            _log.debug("the port has no lifespan, or failed in it", exc_info=True)
        await self._messages.put({"type": "none"})

    def close(self) -> None:
        if self._life is not None and self._portal.alive:
            self._portal.run(self._stop(self._life))
        self._life = None

    async def _stop(self, life: asyncio.Task[None]) -> None:
        await self._inbox.put({"type": "lifespan.shutdown"})
        await asyncio.wait([life], timeout=10)
