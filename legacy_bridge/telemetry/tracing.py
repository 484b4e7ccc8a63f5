"""Spans of OpenTelemetry, when they are configured: one for each request, one for each stack it was given to.

Configured is an exporter's address (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`);
names, sampling and headers are OpenTelemetry's own variables, too. Nothing of it is imported otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.modes.decisions import Decision
from legacy_bridge.operations.operation import Stack

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

_ADDRESSES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_CARRIED = (b"traceparent", b"tracestate")

CLIENTS = "legacy_bridge.answers_client"
"""In the scope of a client's request; a comparison's copy has it not."""


class TracingError(Exception):
    """Traces are wanted, and what sends them is not installed."""


def is_configured(environ: Mapping[str, str] = os.environ) -> bool:
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not off and any(environ.get(name) for name in _ADDRESSES)


def create() -> Tracing | None:
    """As the environment says; None when it asks for no traces. Raises TracingError."""
    if not is_configured():
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise TracingError(
            f"{_ADDRESSES[0]} is set, and traces can't be sent ({error}): pip install "
            "'legacy-bridge[tracing]', or unset it"
        ) from error
    return Tracing(OTLPSpanExporter())


class Tracing:
    """Spans of one bridge."""

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry import propagate, trace
        from opentelemetry.context import Context
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        attributes = (
            {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "cutover-bridge"}
        )
        # Ours alone: an application that traces itself keeps its own provider.
        self._provider = TracerProvider(resource=Resource.create(attributes))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("legacy_bridge")
        self._propagate = propagate
        self._trace = trace
        self._nothing = Context()

    def flush(self) -> None:
        """Sends what has ended so far."""
        self._provider.force_flush()

    def shutdown(self) -> None:
        """Sends what waits. May take seconds."""
        self._provider.shutdown()

    def begin(
        self, scope: Scope, decision: Decision, request_id: str
    ) -> Callable[[int, str], None]:
        """A span from now on, as the parent of all the stacks do. Call what is returned at the end,
        with the status and who answered."""
        name = decision.name or scope["method"]
        rule = decision.operation.rule if decision.operation is not None else None
        span = self._tracer.start_span(
            name,
            context=self._context(scope),
            kind=self._trace.SpanKind.SERVER,
            attributes={
                "http.request.method": scope["method"],
                "url.path": scope["path"],
                **({} if rule is None else {"http.route": rule}),
                "cutover.operation": decision.name,
                "cutover.mode": decision.mode.value,
                "cutover.request_id": request_id,
            },
        )
        self._carry(scope, span)
        scope[CLIENTS] = True

        def end(status: int, stack: str) -> None:
            span.set_attribute("cutover.stack", stack)
            self._set_status(span, status)
            span.end()

        return end

    def child(self, app: ASGIApp, stack: Stack) -> ASGIApp:
        """The app, with a span around each of its calls; its own spans are below that one."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            with self._tracer.start_as_current_span(
                f"{stack.value} stack",
                context=self._context(scope),
                attributes={
                    "cutover.stack": stack.value,
                    "cutover.comparison": CLIENTS not in scope,
                },
            ) as span:
                self._carry(scope, span)
                status = 0

                async def send_observed(message: Message) -> None:
                    nonlocal status
                    if message["type"] == "http.response.start":
                        status = message["status"]
                    await send(message)

                await app(scope, receive, send_observed)
                self._set_status(span, status)

        return traced

    def _context(self, scope: Scope) -> Any:
        """What the request says it belongs to."""
        carrier = {
            name.decode(): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _CARRIED
        }
        return self._propagate.extract(carrier, context=self._nothing)

    def _carry(self, scope: Scope, span: Span) -> None:
        """Whoever gets the request sees the span as its parent."""
        carrier: dict[str, str] = {}
        self._propagate.inject(carrier, context=self._trace.set_span_in_context(span))
        kept = [field for field in scope["headers"] if field[0] not in _CARRIED]
        added = [
            (name.encode(), value.encode("latin-1"))
            for name, value in carrier.items()
            if name.encode() in _CARRIED
        ]
        scope["headers"] = [*kept, *added]

    def _set_status(self, span: Span, status: int) -> None:
        if status:
            span.set_attribute("http.response.status_code", status)
        if status >= 500 or status == 0:
            span.set_status(self._trace.StatusCode.ERROR)
