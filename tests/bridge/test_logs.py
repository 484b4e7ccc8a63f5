"""Lines of JSON: one for each request, and the request id on whatever either stack says meanwhile."""

import contextlib
import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from legacy_bridge.operations.operation import Mode
from legacy_bridge.telemetry.logs import JsonLines, LogFormat, config, take_over
from legacy_bridge.telemetry.per_request import Telemetry
from tests.bridge.conftest import ServeOperated
from tests.bridge.operated import Bug

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What was logged, parsed; every handler writes JSON while the test runs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("legacy_bridge")
    root, level = logging.getLogger(), logger.level
    formatters = {one: one.formatter for one in root.handlers}
    root.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    logger.setLevel(level)
    for one, formatter in formatters.items():
        one.setFormatter(formatter)


def access_lines(lines: Lines) -> list[dict[str, Any]]:
    return [one for one in lines() if one["logger"] == "legacy_bridge.access"]


def eventually(look: Callable[[], list[Any]], count: int) -> list[Any]:
    """A client has its reply before the line is written."""
    deadline = time.monotonic() + 60
    while len(found := look()) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_each_request_is_one_line(serve_operated: ServeOperated, lines: Lines) -> None:
    telemetry = Telemetry(LogFormat.JSON, access_log=True)
    bug = Bug()
    url = serve_operated(bug, telemetry=telemetry, default_mode=Mode.PORTED).url
    reply = httpx.get(f"{url}/note/7/?token=secret", headers={"X-Request-ID": "mine-1"})
    assert reply.headers["x-request-id"] == "mine-1"
    httpx.get(f"{url}/nothing/")
    bug.kind = "fails"
    httpx.get(f"{url}/note/", headers={"X-Request-ID": "mine-2"})
    found = eventually(lambda: access_lines(lines), 3)
    first, other, failed = found
    expected = {
        "method": "GET",
        "path": "/note/7/",
        "operation": "GET /note/<int:idx>/",
        "mode": "ported",
        "stack": "ported",
        "status": 200,
        "request_id": "mine-1",
        "client": "127.0.0.1",
        "level": "info",
    }
    assert expected.items() <= first.items()
    assert 0 < first["ms"] < 10_000
    assert "secret" not in json.dumps(found)
    assert (other["operation"], other["status"], other["stack"]) == (None, 404, "legacy")
    assert len(other["request_id"]) == 16
    assert (failed["stack"], failed["status"]) == ("legacy", 200), "the one that stepped in"
    said = next(one for one in lines() if one["logger"] == "legacy_bridge.request.dispatch")
    assert said["request_id"] == "mine-2"
    assert "a planted bug" in said["exception"]


def test_both_stacks_and_their_lines_have_the_id(
    serve_operated: ServeOperated, lines: Lines
) -> None:
    bug = Bug()
    url = serve_operated(bug, telemetry=Telemetry(LogFormat.JSON)).url
    httpx.get(f"{url}/note/", headers={"X-Request-ID": "mine-3"})
    said = next(one for one in lines() if one["logger"] == "operated_legacy")
    assert (said["message"], said["request_id"]) == ("asked for /note/", "mine-3")
    assert bug.heard[-1]["x-request-id"] == "mine-3"
    assert not access_lines(lines), "not asked for"


def test_as_text_it_is_one_line_too(
    serve_operated: ServeOperated, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "legacy_bridge.access")
    url = serve_operated(telemetry=Telemetry(access_log=True)).url
    httpx.get(f"{url}/note/%0Aforged", headers={"X-Request-ID": "mine-4"})
    (line,) = eventually(
        lambda: [one.getMessage() for one in caplog.records if one.name == "legacy_bridge.access"],
        1,
    )
    assert line.startswith("GET '/note/\\nforged' 404 ")
    assert line.endswith(" ms by legacy (no operation, legacy) mine-4")


def test_handlers_that_an_application_adds_are_taken_over() -> None:
    logger = logging.getLogger("an_application")
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    before = {
        one: one.formatter
        for name in [None, *logging.root.manager.loggerDict]
        for one in logging.getLogger(name).handlers
    }
    with contextlib.ExitStack() as stack:
        for one, formatter in before.items():
            stack.callback(one.setFormatter, formatter)
        stack.callback(logger.removeHandler, handler)
        take_over()
        assert isinstance(handler.formatter, JsonLines)


@pytest.mark.parametrize("kind", list(LogFormat))
def test_the_server_logs_through_one_handler(kind: LogFormat) -> None:
    found = config(kind)
    assert (found["formatters"]["one"].get("()") is JsonLines) == (kind is LogFormat.JSON)
    assert found["loggers"]["uvicorn.access"]["handlers"] == []
