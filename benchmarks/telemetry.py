"""What metrics, logs and traces cost on a request's path: `python -m benchmarks.telemetry`.

The dispatcher alone, before an application that answers at once, so that nothing hides the cost. All kinds
take turns in one run; the best of many turns counts, so that what else the machine does is left out.
"""

import asyncio
import io
import logging
import tempfile
import time
from collections.abc import Callable

import flask
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Message, Receive, Scope, Send

from legacy_bridge.bridge import census_of
from legacy_bridge.evidence.recorder import Recorder
from legacy_bridge.flask_fastapi import Ported
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.store import ModeStore
from legacy_bridge.operations.census import rules_of_flask
from legacy_bridge.operations.match import Matcher
from legacy_bridge.operations.operation import Mode, Stack
from legacy_bridge.request.dispatch import Dispatcher
from legacy_bridge.telemetry.logs import JsonLines, LogFormat
from legacy_bridge.telemetry.metrics import Metrics
from legacy_bridge.telemetry.per_request import Telemetry
from legacy_bridge.telemetry.tracing import Tracing

TURNS, REQUESTS = 40, 300


class Uncounted(Metrics):
    def request(self, operation: str, stack: Stack, status: int, seconds: float) -> None:
        """Nothing, to know what counting costs."""


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})


def dispatchers(database_url: str) -> dict[str, Dispatcher]:
    app = flask.Flask("telemetry")
    app.add_url_rule("/thing/", "thing", lambda: "")
    rules = rules_of_flask(app, guarded=lambda view, method: False)
    ported = [Ported("GET", "/thing/", "thing", guarded=False)]
    owner = Ownership(ModeStore(database_url), census_of(rules, ported), default=Mode.PORTED)

    def made(metrics: Metrics, telemetry: Telemetry) -> Dispatcher:
        return Dispatcher(
            ported=answer,
            legacy=answer,
            matcher=Matcher(rules),
            ownership=owner,
            recorder=Recorder(),
            allow_force=False,
            metrics=metrics,
            telemetry=telemetry,
        )

    return {
        "nothing": made(Uncounted(), Telemetry()),
        "metrics (always)": made(Metrics(), Telemetry()),
        "and request ids for JSON logs": made(Metrics(), Telemetry(LogFormat.JSON)),
        "and a JSON line for each request": made(Metrics(), Telemetry(LogFormat.JSON, True)),
        "metrics and traces": made(Metrics(), Telemetry(tracing=Tracing(InMemorySpanExporter()))),
    }


def scope() -> Scope:
    return {
        "type": "http",
        "method": "GET",
        "path": "/thing/",
        "raw_path": b"/thing/",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 1),
    }


async def measure(kinds: dict[str, Dispatcher], show: Callable[[str], None]) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        """Thrown away."""

    best = dict.fromkeys(kinds, float("inf"))
    for _ in range(TURNS):
        for name, dispatcher in kinds.items():
            began = time.perf_counter()
            for _ in range(REQUESTS):
                await dispatcher(scope(), receive, send)
            best[name] = min(best[name], (time.perf_counter() - began) / REQUESTS)
    least = best["nothing"]
    for name, seconds in best.items():
        show(f"{name:34} {seconds * 1e6:7.1f} µs a request, {(seconds - least) * 1e6:+6.1f}")


def main() -> None:
    logger = logging.getLogger("legacy_bridge.access")
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    with tempfile.TemporaryDirectory() as folder:
        kinds = dispatchers(f"sqlite:///{folder}/modes.db")
        asyncio.run(measure(kinds, print))


if __name__ == "__main__":
    main()
