"""The bridge: one FastAPI application before two stacks. Match, decide, delegate.

Requests of the API never meet FastAPI's router: `Bridge.__call__` hands them to `Dispatcher`, plain
ASGI, and keeps for itself what lies under the reserved prefix. A mount would be tried only after the
router's own partial matches, and would answer methods that nobody has decided about.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from werkzeug.routing import BaseConverter

from legacy_bridge.capture import Capture, CaptureOptions, label_of
from legacy_bridge.census import Census, take_census
from legacy_bridge.comparison import Observer, Results, Stage
from legacy_bridge.control import ControlRefusedError, control_routes, refused
from legacy_bridge.edge import REQUEST_ID, Lifespan, mount_point, put_right, refuse_websocket
from legacy_bridge.match import Matcher
from legacy_bridge.operation import LegacyRule, Mode, Operation, PortedOperation, Stack
from legacy_bridge.ownership import Ownership
from legacy_bridge.replies import send_error
from legacy_bridge.seen import NoResults, Seen
from legacy_bridge.store import ModeStore

PREFIX = "/_cutover"
"""The bridge's own corner of the URL space."""

_log = logging.getLogger(__name__)

_SERVED_BY = {stack: (b"x-served-by", stack.value.encode()) for stack in Stack}
_SERVED_BY_BRIDGE = (b"x-served-by", b"bridge")


class Legacy(Protocol):
    """The legacy as an ASGI app with a beginning and an end."""

    async def startup(self) -> None: ...
    async def shutdown(self) -> None: ...
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Dispatcher:
    """Decides for each request which stack answers it, and says so on the reply."""

    def __init__(
        self,
        *,
        ported: ASGIApp,
        legacy: ASGIApp | None,
        matcher: Matcher,
        ownership: Ownership,
        allow_force: bool,
        observer: Observer | None = None,
    ) -> None:
        self._apps: Mapping[Stack, ASGIApp] = (
            {Stack.PORTED: ported}
            if legacy is None
            else {Stack.PORTED: ported, Stack.LEGACY: legacy}
        )
        self._match = matcher.match
        self._ownership = ownership
        self._allow_force = allow_force
        self._observer = observer
        self.ported_lifespan = Lifespan(ported)

    def stage(self, results: Results) -> Stage:
        """For an observer, once both stacks run."""
        return Stage(self._apps, self.ported_lifespan.state, results)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = put_right(scope["headers"])
        decisions = self._ownership.decisions
        match = self._match(scope["method"], mount_point(scope).path_info)
        decision = decisions.decide(match, fields.headers, scope)
        stack, compared = decision.primary, decision.compared
        reply = _MarkedReply(send, fields.request_id)
        if self._allow_force and fields.force is not None:
            compared = None
            try:
                stack = Stack(fields.force.decode("latin-1"))
            except ValueError:
                known = " or ".join(self._apps)
                await reply.refuse(400, f"X-Force-Stack must be {known}")
                return
            if stack not in self._apps:
                await reply.refuse(400, f"X-Force-Stack: there is no {stack} stack here")
                return
            if stack is Stack.PORTED and not decisions.can_be_ported(match):
                what = match if isinstance(match, Operation) else "this path"
                await reply.refuse(400, f"X-Force-Stack: {what} is not ported")
                return
        reply.served_by = _SERVED_BY[stack]
        scope["headers"] = fields.headers
        if stack is Stack.PORTED:
            scope["state"] = {**scope.get("state", {}), **self.ported_lifespan.state}
        seen: Seen | None = None
        if compared is not None and (observer := self._observer) is not None:
            operation = decision.operation
            assert operation is not None
            if observer.wants(operation, decision.mode, compared, scope):
                seen = Seen(decision, compared, scope, fields.request_id, observer.body_limit)
                receive, reply.seen = seen.receive(receive), seen
        try:
            await self._apps[stack](scope, receive, reply)
        except Exception:
            if reply.started:
                # Too late for a status: the server cuts the connection, so that the client knows.
                raise
            _log.exception(
                "%s %s: the %s stack failed, request id %s",
                scope["method"],
                scope["path"],
                stack,
                fields.request_id.decode(),
            )
            await send_error(reply, 500, "Internal server error")
        finally:
            if seen is not None and self._observer is not None:
                self._observer.take(seen.exchange())


class _MarkedReply:
    """The server's `send`, adding to the reply who made it and which request it answers."""

    __slots__ = ("_request_id", "_send", "seen", "served_by", "started")

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.served_by = _SERVED_BY_BRIDGE
        self.started = False
        self.seen: Seen | None = None

    async def __call__(self, message: Message) -> None:
        if self.seen is not None:
            self.seen.replied(message)
        if message["type"] == "http.response.start":
            self.started = True
            headers = [*message.get("headers", ()), self.served_by]
            if all(name != REQUEST_ID for name, _ in headers):
                headers.append((REQUEST_ID, self._request_id))
            message["headers"] = headers
        await self._send(message)

    async def refuse(self, status: int, text: str) -> None:
        await send_error(self, status, text)


class Bridge(FastAPI):
    """FastAPI for the bridge's own routes; every other request goes to the dispatcher."""

    dispatcher: Dispatcher
    ownership: Ownership
    capture: Capture | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http" and not _is_own(mount_point(scope).path_info):
            if self.capture is None:
                await self.dispatcher(scope, receive, send)
            else:
                await self.capture(self.dispatcher, scope, receive, send)
        elif kind == "websocket":
            await refuse_websocket(receive, send)
        elif kind == "http":
            fields = put_right(scope["headers"])
            scope["headers"] = fields.headers
            await super().__call__(scope, receive, _MarkedReply(send, fields.request_id))
        else:
            await super().__call__(scope, receive, send)


def _is_own(path: str) -> bool:
    return path.startswith(PREFIX) and path[len(PREFIX) : len(PREFIX) + 1] in ("", "/")


def census_of(
    rules: Iterable[LegacyRule],
    ported_operations: Iterable[PortedOperation],
    *,
    with_legacy: bool = True,
) -> Census:
    """The census as a bridge over these two takes it."""
    return take_census(rules, ported_operations, reserved=PREFIX, with_legacy=with_legacy)


def create_bridge(
    *,
    ported: ASGIApp,
    legacy: Legacy | None,
    rules: Iterable[LegacyRule],
    ported_operations: Iterable[PortedOperation],
    database_url: str,
    root: str = "/",
    converters: Mapping[str, type[BaseConverter]] | None = None,
    default_mode: Mode = Mode.LEGACY,
    allow_force: bool = False,
    token: str | None = None,
    observer: Observer | None = None,
    capture: CaptureOptions | None = None,
) -> FastAPI:
    """A FastAPI application that answers every request by the stack that owns its operation.

    ``legacy`` is `legacy.InProcessLegacy`, `upstream.UpstreamLegacy` or None when it is gone;
    ``database_url`` keeps the modes; ``root`` is the prefix both stacks live under; ``token`` opens
    the control API, which refuses everybody without one; ``observer`` compares pairs in the modes that
    have one (`comparison.Observer`); ``capture`` records the traffic. Raises CensusError when the port has an
    operation the legacy has not, or lacks a permission check the legacy has.
    """
    rules = list(rules)
    with_legacy = legacy is not None
    census = census_of(rules, ported_operations, with_legacy=with_legacy)
    census.check()
    ownership = Ownership(
        ModeStore(database_url), census, default=default_mode, with_legacy=with_legacy
    )
    matcher = Matcher(rules, root=root, converters=converters)
    recorder = None if capture is None else Capture(capture, label_of(matcher))
    dispatcher = Dispatcher(
        ported=ported,
        legacy=legacy,
        matcher=matcher,
        ownership=ownership,
        allow_force=allow_force,
        observer=observer,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if recorder is not None:
                stack.push_async_callback(asyncio.to_thread, recorder.stop)
                await asyncio.to_thread(recorder.start)
            stack.push_async_callback(ownership.stop)
            await ownership.start()
            if legacy is not None:
                stack.push_async_callback(legacy.shutdown)
                await legacy.startup()
            stack.push_async_callback(dispatcher.ported_lifespan.shutdown)
            await dispatcher.ported_lifespan.startup()
            if observer is not None:
                stack.push_async_callback(observer.shutdown)
                await observer.startup(dispatcher.stage(NoResults()))
            yield

    bridge = Bridge(
        title="Cutover bridge",
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    bridge.add_exception_handler(ControlRefusedError, refused)
    bridge.dispatcher = dispatcher
    bridge.ownership = ownership
    bridge.capture = recorder
    recording = None if recorder is None else recorder.state
    bridge.include_router(control_routes(ownership, token, recording), prefix=PREFIX)
    return cast(FastAPI, bridge)
