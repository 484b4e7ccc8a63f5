"""The bridge: one FastAPI application before two stacks. Match, decide, delegate.

Requests of the API never meet FastAPI's router: `Bridge.__call__` hands them to `Dispatcher`, plain
ASGI, and keeps for itself what lies under the reserved prefix. A mount would be tried only after the
router's own partial matches, and would answer methods that nobody has decided about.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send
from werkzeug.routing import BaseConverter

from legacy_bridge.capture.options import CaptureOptions
from legacy_bridge.capture.recording import Capture, label_of
from legacy_bridge.control.access import ControlAccess, ControlRefusedError, Operators
from legacy_bridge.control.bridge_metrics import BridgeState
from legacy_bridge.control.dashboard.live import Live
from legacy_bridge.control.dashboard.log_in import client_of
from legacy_bridge.control.dashboard.routes import dashboard_routes
from legacy_bridge.control.input import invalid, refused_by_framework
from legacy_bridge.control.own_requests import OwnRequests
from legacy_bridge.control.routes import control_routes, refused
from legacy_bridge.database.connection import Database
from legacy_bridge.evidence.recorder import Recorder
from legacy_bridge.evidence.warden import Warden
from legacy_bridge.guards.gate import Gate
from legacy_bridge.guards.guards_toml import load as load_guards
from legacy_bridge.guards.switch import is_on
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.store import ModeStore
from legacy_bridge.operations.census import Census, take_census
from legacy_bridge.operations.match import Matcher
from legacy_bridge.operations.operation import LegacyRule, Mode, PortedOperation
from legacy_bridge.request.dispatch import Dispatcher
from legacy_bridge.request.marked_reply import MarkedReply
from legacy_bridge.shadow import ShadowObserver
from legacy_bridge.shadow.contract import Observer
from legacy_bridge.stacks.edge import path_info, put_right, refuse_websocket
from legacy_bridge.telemetry.metrics import Metrics, render
from legacy_bridge.telemetry.per_request import Telemetry
from legacy_bridge.telemetry.shared_metrics import SharedMetrics

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
            await OwnRequests(super().__call__)(scope, receive, send)
            return
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


@dataclass(frozen=True, kw_only=True)
class Stacks:
    """The two applications, and which operations each has."""

    ported: ASGIApp
    ported_operations: Iterable[PortedOperation]
    rules: Iterable[LegacyRule]
    legacy: Legacy | None
    """`InProcessLegacy`, `UpstreamLegacy`, or None when it is gone."""
    root: str = "/"
    """The prefix both live under."""
    converters: Mapping[str, type[BaseConverter]] | None = None
    """The legacy's own URL converters, by name."""


@dataclass(frozen=True, kw_only=True)
class BridgeOptions:
    """How a bridge over two stacks behaves; each part may be left out."""

    default_mode: Mode = Mode.LEGACY
    """Of a ported operation that nobody has set."""
    allow_force: bool = False
    """Whether a client may choose its stack by `X-Force-Stack`."""
    token: str | None = None
    """Opens the control API and its page. Without it, and without `operators`, nobody gets in."""
    operators: Operators | None = None
    """Tells the application's admins, who get in, too."""
    observer: Observer | None = None
    """Compares pairs in the modes that have a comparison."""
    capture: CaptureOptions | None = None
    """Records the traffic."""
    guards: Path | None = None
    """A `guards.toml`: what is refused before the legacy is asked."""
    telemetry: Telemetry | None = None
    """Logs and traces."""
    open_metrics: bool = False
    """Shows the metrics to everybody."""
    metrics_folder: Path | None = None
    """Where the workers of one machine show each other theirs."""


def create_bridge(
    stacks: Stacks, database_url: str, options: BridgeOptions | None = None
) -> Bridge:
    """An application that answers every request by the stack that owns its operation.

    ``database_url`` is where the modes are kept. Raises CensusError when the port has an operation that the
    legacy has not, or lacks a permission check that the legacy has; GuardError and ParityError when there is
    something wrong with the guards.
    """
    options = options or BridgeOptions()
    legacy, observer = stacks.legacy, options.observer
    rules = list(stacks.rules)
    with_legacy = legacy is not None
    census = census_of(rules, stacks.ported_operations, with_legacy=with_legacy)
    census.check()
    ownership = Ownership(
        ModeStore(database_url), census, default=options.default_mode, with_legacy=with_legacy
    )
    matcher = Matcher(rules, root=stacks.root, converters=stacks.converters)
    captured = None if options.capture is None else Capture(options.capture, label_of(matcher))
    warden = Warden(ownership, Recorder())
    metrics, telemetry = Metrics(), options.telemetry or Telemetry()
    shared = SharedMetrics(metrics, options.metrics_folder)
    metrics.room = getattr(legacy, "room", None)
    if isinstance(observer, ShadowObserver):
        observer.counters.subscribe(metrics.compared)
        metrics.waiting = lambda: observer.queued
    gate = None
    if options.guards is not None and with_legacy:
        gate = Gate(
            load_guards(options.guards),
            options.guards,
            rules=rules,
            root=stacks.root,
            converters=stacks.converters,
            environment=os.environ,
            port=stacks.ported,
            database_url=database_url,
            is_on=lambda name: is_on(ownership.stored, name),
            count=metrics.guarded,
            room=metrics.room,
        )
    dispatcher = Dispatcher(
        ported=stacks.ported,
        legacy=legacy,
        matcher=matcher,
        ownership=ownership,
        recorder=warden.recorder,
        allow_force=options.allow_force,
        observer=observer,
        metrics=metrics,
        telemetry=telemetry,
        gate=gate,
    )
    live = Live(ownership, warden)
    # Connections of its own: who floods the log-in must not hold up the modes.
    sessions = Database(database_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, telemetry.shutdown)
            telemetry.startup()
            stack.callback(live.shutdown)
            live.startup()
            stack.push_async_callback(shared.stop)
            await shared.start()
            if captured is not None:
                stack.push_async_callback(asyncio.to_thread, captured.stop)
                await asyncio.to_thread(captured.start)
            stack.push_async_callback(sessions.close)
            if gate is not None:
                stack.push_async_callback(gate.close)
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
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    bridge.add_exception_handler(ControlRefusedError, refused)
    bridge.add_exception_handler(RequestValidationError, invalid)
    bridge.add_exception_handler(HTTPException, refused_by_framework)
    bridge.dispatcher = dispatcher
    bridge.ownership = ownership
    bridge.warden = warden
    bridge.capture = captured
    recording = None if captured is None else captured.state
    access = ControlAccess(options.token, options.operators, client_of(dispatcher), sessions)
    bridge.include_router(control_routes(ownership, warden, access, recording), prefix=PREFIX)
    state = BridgeState(ownership, warden)

    async def page_of_metrics() -> bytes:
        dispatcher.counting.catch_up()
        # With several workers, files are read.
        return await asyncio.to_thread(lambda: render(shared.sum(), state))

    bridge.include_router(
        dashboard_routes(live, access, page_of_metrics, open_metrics=options.open_metrics),
        prefix=PREFIX,
    )
    return bridge
