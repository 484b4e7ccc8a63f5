"""The bridge: one FastAPI application before two stacks. Match, decide, delegate.

Requests of the API never meet FastAPI's router: `Bridge.__call__` hands them to `Dispatcher`, plain
ASGI, and keeps for itself what lies under the reserved prefix. A mount would be tried only after the
router's own partial matches, and would answer methods that nobody has decided about.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp, Receive, Scope, Send
from werkzeug.routing import BaseConverter

from legacy_bridge.access import Access, ControlRefusedError, Operators
from legacy_bridge.capture import Capture, CaptureOptions, label_of
from legacy_bridge.census import Census, take_census
from legacy_bridge.comparison import Observer
from legacy_bridge.control import control_routes, refused
from legacy_bridge.control_input import invalid
from legacy_bridge.dashboard import Live, client_of, dashboard_routes
from legacy_bridge.dispatch import Dispatcher
from legacy_bridge.edge import path_info, put_right, refuse_websocket
from legacy_bridge.marked_reply import MarkedReply
from legacy_bridge.match import Matcher
from legacy_bridge.metrics import Metrics, render
from legacy_bridge.metrics_shared import SharedMetrics
from legacy_bridge.metrics_state import BridgeState
from legacy_bridge.operation import LegacyRule, Mode, PortedOperation
from legacy_bridge.ownership import Ownership
from legacy_bridge.recorder import Recorder
from legacy_bridge.shadow import ShadowObserver
from legacy_bridge.store import ModeStore
from legacy_bridge.telemetry import Telemetry
from legacy_bridge.warden import Warden

PREFIX = "/_cutover"
"""The bridge's own corner of the URL space."""


class Legacy(Protocol):
    """The legacy as an ASGI app with a beginning and an end."""

    async def startup(self) -> None: ...
    async def shutdown(self) -> None: ...
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Bridge(FastAPI):
    """FastAPI for the bridge's own routes; every other request goes to the dispatcher."""

    dispatcher: Dispatcher
    ownership: Ownership
    warden: Warden
    capture: Capture | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_own(scope):
            await self._aside(scope, receive, send)
        elif self.capture is None:
            await self.dispatcher(scope, receive, send)
        else:
            await self.capture(self.dispatcher, scope, receive, send)

    async def _aside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is no request of the API."""
        if scope["type"] == "websocket":
            await refuse_websocket(receive, send)
            return
        if scope["type"] == "http":
            fields = put_right(scope["headers"])
            scope["headers"] = fields.headers
            send = MarkedReply(send, fields.request_id)
        await super().__call__(scope, receive, send)


def _is_own(scope: Scope) -> bool:
    path = path_info(scope)
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
    operators: Operators | None = None,
    telemetry: Telemetry | None = None,
    open_metrics: bool = False,
    metrics_folder: Path | None = None,
) -> FastAPI:
    """A FastAPI application that answers every request by the stack that owns its operation.

    ``legacy`` is `legacy.InProcessLegacy`, `upstream.UpstreamLegacy` or None when it is gone;
    ``database_url`` keeps the modes; ``root`` is the prefix both stacks live under; ``token`` opens
    the control API and its page, ``operators`` tells the application's admins, who get in, too; without
    either nobody does. ``observer`` compares pairs in the modes that have one (`comparison.Observer`);
    ``capture`` records the traffic; ``telemetry`` is for logs and traces; ``open_metrics`` shows the
    metrics to everybody, ``metrics_folder`` is where workers show each other theirs. Raises CensusError when the port has an
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
    captured = None if capture is None else Capture(capture, label_of(matcher))
    warden = Warden(ownership, Recorder())
    metrics, telemetry = Metrics(), telemetry or Telemetry()
    metrics.room = getattr(legacy, "room", None)
    shared = SharedMetrics(metrics, metrics_folder)
    if isinstance(observer, ShadowObserver):
        observer.counters.also = metrics.compared
    dispatcher = Dispatcher(
        ported=ported,
        legacy=legacy,
        matcher=matcher,
        ownership=ownership,
        recorder=warden.recorder,
        allow_force=allow_force,
        observer=observer,
        metrics=metrics,
        telemetry=telemetry,
    )
    live = Live(ownership, warden)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, telemetry.shutdown)
            telemetry.startup()
            live.startup()
            stack.push_async_callback(shared.stop)
            await shared.start()
            if captured is not None:
                stack.push_async_callback(asyncio.to_thread, captured.stop)
                await asyncio.to_thread(captured.start)
            stack.push_async_callback(ownership.stop)
            await ownership.start()
            stack.push_async_callback(warden.stop)
            await warden.start()
            if legacy is not None:
                stack.push_async_callback(legacy.shutdown)
                await legacy.startup()
            stack.push_async_callback(dispatcher.ported_lifespan.shutdown)
            await dispatcher.ported_lifespan.startup()
            if observer is not None:
                stack.push_async_callback(observer.shutdown)
                await observer.startup(dispatcher.stage(warden.recorder))
            yield

    bridge = Bridge(
        title="Cutover bridge",
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    bridge.add_exception_handler(ControlRefusedError, refused)
    bridge.add_exception_handler(RequestValidationError, invalid)
    bridge.dispatcher = dispatcher
    bridge.ownership = ownership
    bridge.warden = warden
    bridge.capture = captured
    recording = None if captured is None else captured.state
    access = Access(token, operators, client_of(dispatcher))
    bridge.include_router(control_routes(ownership, warden, access, recording), prefix=PREFIX)
    state = BridgeState(ownership, warden)

    async def page_of_metrics() -> bytes:
        dispatcher.counting.catch_up()
        # With several workers, files are read.
        return await asyncio.to_thread(lambda: render(shared.sum(), state))

    bridge.include_router(
        dashboard_routes(live, access, page_of_metrics, open_metrics=open_metrics), prefix=PREFIX
    )
    return cast(FastAPI, bridge)
