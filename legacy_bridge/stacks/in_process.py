"""The legacy as an ASGI app: in this process through a2wsgi."""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.stacks.edge import mount_point, refuse_websocket
from legacy_bridge.stacks.replies import send_error
from legacy_bridge.stacks.spool import BODY, DISK, SpooledBody, SpoolReply, SpoolRequest, SpoolRoom
from legacy_bridge.stacks.whole_reply import Collector, WholeReply, WSGIApp

THREADS = 15
"""What SQLAlchemy's default pool has connections for: more threads would wait for each other."""


class InProcessLegacy:
    """A WSGI app on a pool of threads of its own.

    A thread is taken when the whole request is here and given back when the app has made its reply,
    so clients that send or read slowly hold none. A request that finds no free thread within
    ``wait_seconds`` is answered 503.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        threads: int = THREADS,
        wait_seconds: float = 30,
        spool_bytes: int = DISK,
    ) -> None:
        # The adapter types the messages of ASGI more closely than Starlette does.
        self._adapter: Any = WSGIMiddleware(cast(Any, _Environment(app)), workers=threads)
        self._threads = asyncio.Semaphore(threads)
        self._wait_seconds = wait_seconds
        self.room = SpoolRoom(spool_bytes)
        self._app: ASGIApp = SpoolReply(
            SpoolRequest(self._on_thread, room=self.room), room=self.room
        )

    async def startup(self) -> None:
        """A WSGI app has no lifespan."""

    async def shutdown(self) -> None:
        await asyncio.to_thread(self._adapter.executor.shutdown, wait=True, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await refuse_websocket(receive, send)
            return
        await self._app(scope, receive, send)

    async def _on_thread(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._threads.locked():
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._threads.acquire()
            except TimeoutError:
                await send_error(send, 503, "the legacy is busy: no thread came free in time")
                return
        else:
            await self._threads.acquire()
        failure: Exception | None = None
        # The adapter decodes the query as ASCII and fails on anything else; it strips the root path as
        # plain text. `_Environment` says both again from the scope it finds inside.
        for_adapter = {**scope, "root_path": "", "query_string": b"", _ORIGINAL: scope}

        async def piece(message: Message) -> None:
            # After a whole reply the adapter still says that there is no more.
            if _WHOLE not in for_adapter:
                await send(message)

        try:
            await self._adapter(for_adapter, receive, piece)
        except Exception as error:
            failure = error
        finally:
            self._threads.release()
        whole: WholeReply | None = for_adapter.get(_WHOLE)
        if whole is not None:
            await whole.send(send)
        if failure is not None:
            raise failure


_ORIGINAL = "legacy_bridge.scope"
_WHOLE = "legacy_bridge.whole_reply"


class _Environment:
    """Corrects the WSGI environment the adapter has built, and takes short replies as a whole."""

    def __init__(self, app: WSGIApp) -> None:
        self._app = app

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        for_adapter: Scope = environ["asgi.scope"]
        scope: Scope = for_adapter[_ORIGINAL]
        # The app's own scope: what it stores in `state` is seen by whoever called us.
        environ["asgi.scope"] = scope
        mount = mount_point(scope)
        environ["SCRIPT_NAME"] = _wsgi_text(mount.script_name)
        environ["PATH_INFO"] = _wsgi_text(mount.path_info)
        query = scope["query_string"].decode("latin-1")
        environ["QUERY_STRING"] = query
        raw = scope.get("raw_path")
        if raw is not None:
            target = raw.decode("latin-1") + (f"?{query}" if query else "")
            environ["REQUEST_URI"] = environ["RAW_URI"] = target
        # A real file: the adapter's own input ends a limited readline() early, and asks the event
        # loop for every piece.
        body: SpooledBody | None = scope.get(BODY)
        environ["wsgi.input"] = io.BytesIO() if body is None else body.file
        environ["wsgi.input_terminated"] = True
        environ["wsgi.errors"] = sys.stderr
        collector = Collector(start_response)
        try:
            return collector.call(self._app, environ)
        finally:
            if collector.reply is not None:
                for_adapter[_WHOLE] = collector.reply


def _wsgi_text(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
