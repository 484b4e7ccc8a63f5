"""Spans: the request's, its stacks' below it, and both stacks told which; nothing imported without an address."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from legacy_bridge.operations.operation import Mode
from legacy_bridge.stacks.upstream import UpstreamLegacy
from legacy_bridge.telemetry import tracing
from legacy_bridge.telemetry.per_request import Telemetry
from legacy_bridge.telemetry.tracing import TracingError
from tests.bridge.conftest import MakeBridge, Serve, ServeOperated
from tests.bridge.operated import Bug

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}


class Collector:
    """Receives OTLP over HTTP, as the real ones do."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            service = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    values = {one.key: one.value for one in span.attributes}
                    self.spans.append(
                        {
                            "name": span.name,
                            "service": service["service.name"],
                            "trace": span.trace_id.hex(),
                            "id": span.span_id.hex(),
                            "parent": span.parent_span_id.hex(),
                            "failed": span.status.code == 2,
                            **{
                                key: getattr(one, one.WhichOneof("value"))
                                for key, one in values.items()
                            },
                        }
                    )


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    yield made
    made.server.shutdown()
    made.server.server_close()


def spans(collector: Collector, traces: tracing.Tracing, *names: str) -> dict[str, dict[str, Any]]:
    """By name, once all of these have ended: a client has its reply before that."""
    deadline = time.monotonic() + 60
    while True:
        traces.flush()
        found = {one["name"]: one for one in collector.spans}
        if found.keys() >= set(names):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def told_parent(bug: Bug, stack: str) -> list[str]:
    """The ids of the spans that a stack was told to be below."""
    return [one["traceparent"].split("-")[2] for one in bug.heard if one["stack"] == stack]


def test_a_request_its_stacks_and_its_comparison(
    serve_operated: ServeOperated, collector: Collector
) -> None:
    bug, traces = Bug(), tracing.create()
    assert traces is not None
    url = serve_operated(bug, telemetry=Telemetry(tracing=traces), default_mode=Mode.SHADOW).url
    assert httpx.get(f"{url}/note/", headers=HEADERS).status_code == 200
    names = ("GET /note/", "legacy stack", "ported stack")
    by_name = spans(collector, traces, *names)
    request, legacy, ported = (by_name[name] for name in names)
    assert {one["trace"] for one in collector.spans} == {TRACE}
    assert request["parent"] == PARENT
    assert legacy["parent"] == ported["parent"] == request["id"]
    assert (request["cutover.operation"], request["cutover.stack"], request["cutover.mode"]) == (
        "GET /note/",
        "legacy",
        "shadow",
    )
    assert request["http.response.status_code"] == 200
    assert request["service"] == "cutover-bridge"
    assert (legacy["cutover.comparison"], ported["cutover.comparison"]) == (False, True)
    assert told_parent(bug, "legacy") == [legacy["id"]], "through the WSGI environment"
    assert told_parent(bug, "ported") == [ported["id"]]
    assert bug.heard[0]["tracestate"] == "vendor=1"


def test_a_failure_and_who_stepped_in(serve_operated: ServeOperated, collector: Collector) -> None:
    bug, traces = Bug("fails"), tracing.create()
    assert traces is not None
    url = serve_operated(bug, telemetry=Telemetry(tracing=traces), default_mode=Mode.PORTED).url
    assert httpx.get(f"{url}/note/").headers["x-served-by"] == "legacy"
    found = spans(collector, traces, "GET /note/", "legacy stack", "ported stack")
    assert (found["ported stack"]["failed"], found["legacy stack"]["failed"]) == (True, False)
    assert found["GET /note/"]["cutover.stack"] == "legacy"
    assert found["GET /note/"]["failed"] is False
    assert found["GET /note/"]["parent"] == "", "a trace of its own"


def test_a_legacy_elsewhere_is_told(
    serve_operated: ServeOperated, make_bridge: MakeBridge, serve: Serve, collector: Collector
) -> None:
    elsewhere = Bug()
    upstream = serve_operated(elsewhere).url
    traces = tracing.create()
    assert traces is not None
    url = serve_operated(
        legacy=UpstreamLegacy(upstream), telemetry=Telemetry(tracing=traces), observer=None
    ).url
    assert httpx.get(f"{url}/note/", headers=HEADERS).status_code == 200
    legacy = spans(collector, traces, "legacy stack")["legacy stack"]
    assert told_parent(elsewhere, "legacy") == [legacy["id"]]


def test_nothing_is_imported_when_nothing_is_configured() -> None:
    code = (
        "import sys; from legacy_bridge import assembly; from legacy_bridge.telemetry import tracing; "
        "assert tracing.create() is None; "
        # FastAPI takes the interface by itself where it is installed.
        "ours = ('opentelemetry.sdk', 'opentelemetry.exporter', 'opentelemetry.proto'); "
        "found = [m for m in sys.modules if m.startswith(ours)]; "
        "assert not found, found"
    )
    environment = {key: one for key, one in os.environ.items() if not key.startswith("OTEL_")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(TracingError, match=r"pip install 'legacy-bridge\[tracing\]'"):
        tracing.create()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert tracing.create() is None
