"""Who steps in when the port fails, what is counted, and what a comparison is given."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from legacy_bridge.modes.state import Stored, StoredMode, utc
from legacy_bridge.operations.operation import Mode, Operation, Stack
from legacy_bridge.shadow.contract import ClientExchange, ComparisonStage
from tests.bridge.conftest import MakeBridge, Serve
from tests.bridge.pair import PORTED, Ported, ported_app

THINGS, ADD, FAILS = "GET /thing/", "POST /thing/", "GET /fails/"


def failing_port() -> Any:
    """Fails in each way a port can."""
    app = FastAPI()

    @app.get("/thing/")
    @app.head("/thing/")
    async def unavailable() -> Response:
        return Response("busy", 503, headers={"X-Port": "1"})

    @app.post("/thing/")
    async def breaks(request: Request) -> Response:
        await request.body()
        raise RuntimeError("a bug of the port")

    @app.get("/thing/{idx:int}/")
    async def refuses(idx: int) -> Response:
        return Response(status_code=404)

    @app.get("/fails/")
    async def raises() -> Response:
        raise RuntimeError("a bug of the port")

    @app.get("/big/{chunks:int}/")
    async def breaks_off(chunks: int) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a beginning"
            raise RuntimeError("a bug of the port")

        return StreamingResponse(pieces())

    return lacking_database(app)


def lacking_database(app: FastAPI) -> Any:
    """Answers `?database=away` as a port does whose database is away, all else as before."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("query_string") != b"database=away":
            await app(scope, receive, send)
            return
        start = {"type": "http.response.start", "status": 503, "headers": []}
        await send({**start, "unavailable": "database"})
        await send({"type": "http.response.body", "body": b"busy"})

    return middleware


@pytest.fixture
def counted(make_bridge: MakeBridge, serve: Serve) -> Any:
    """`counted(method, path)`: the reply of a bridge over the failing port, and what was counted."""
    operations = [*PORTED, Ported("GET", "/big/<int:chunks>/")]
    bridge: Any = make_bridge(ported=failing_port(), ported_operations=operations, allow_force=True)
    # Nobody takes anything back meanwhile.
    bridge.warden._period = 3600
    server = serve(bridge)

    def ask(
        method: str, path: str, keep: bool = False, **options: Any
    ) -> tuple[httpx.Response, dict[Any, Any]]:
        if not keep:
            bridge.warden.recorder._fresh.clear()
        reply = httpx.request(method, server.url + path, **options)
        server.wait_until_idle()
        bridge.dispatcher.counting.catch_up()
        tallies = bridge.warden.recorder._fresh.items()
        return reply, {(key.operation, key.stack): tally.as_json() for key, tally in tallies}

    return ask


@pytest.mark.parametrize(("method", "path"), [("GET", "/thing/"), ("GET", "/fails/")])
def test_the_legacy_steps_in_where_nothing_can_be_done_twice(
    counted: Any, method: str, path: str
) -> None:
    reply, counts = counted(method, path)
    assert (reply.status_code, reply.headers["x-served-by"]) == (200, "legacy")
    assert "x-port" not in reply.headers, "nothing of the failed reply goes out"
    ported, legacy = (
        counts[f"{method} {path}", Stack.PORTED],
        counts[f"{method} {path}", Stack.LEGACY],
    )
    assert (ported["requests"], ported["errors"], ported["fallbacks"]) == (1, 1, 1)
    assert ported.get("exceptions", 0) == (path == "/fails/")
    assert legacy["requests"] == 1
    assert "errors" not in legacy


@pytest.mark.parametrize(("method", "by"), [("GET", "legacy"), ("POST", "ported")])
def test_an_absent_database_is_no_evidence(counted: Any, method: str, by: str) -> None:
    asked = {"content": b"x"} if method == "POST" else {}
    reply, counts = counted(method, "/thing/?database=away", **asked)
    assert reply.headers["x-served-by"] == by
    assert (reply.status_code == 503) == (by == "ported")
    assert "unavailable" not in reply.headers
    assert (f"{method} /thing/", Stack.PORTED) not in counts
    # without the word it is a failure
    _, counts = counted(method, "/thing/", **asked)
    assert counts[f"{method} /thing/", Stack.PORTED]["errors"] == 1


def test_head_is_as_safe_as_get(counted: Any) -> None:
    reply, _ = counted("HEAD", "/thing/")
    assert (reply.status_code, reply.headers["x-served-by"]) == (200, "legacy")


def test_what_may_have_changed_something_is_not_done_again(counted: Any) -> None:
    reply, counts = counted("POST", "/thing/", content=b"x")
    assert (reply.status_code, reply.headers["x-served-by"]) == (500, "ported")
    assert (ADD, Stack.LEGACY) not in counts
    assert counts[ADD, Stack.PORTED]["errors"] == 1


def test_a_get_with_a_body_is_not_done_again(counted: Any) -> None:
    reply, _ = counted("GET", "/thing/", content=b"x")
    assert (reply.status_code, reply.headers["x-served-by"]) == (503, "ported")


def test_a_refusal_is_an_answer(counted: Any) -> None:
    reply, counts = counted("GET", "/thing/7/")
    assert (reply.status_code, reply.headers["x-served-by"]) == (404, "ported")
    assert "errors" not in counts["GET /thing/<int:idx>/", Stack.PORTED]


def test_a_reply_that_breaks_off_is_a_failure(counted: Any) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        counted("GET", "/big/1/")
    with pytest.raises(httpx.RemoteProtocolError):
        counted("GET", "/big/1/")
    _, counts = counted("GET", "/thing/7/", keep=True)
    ported = counts["GET /big/<int:chunks>/", Stack.PORTED]
    assert (ported["errors"], ported["exceptions"]) == (1, 1)
    assert "fallbacks" not in ported


def test_a_forced_stack_answers_for_itself_and_is_no_evidence(counted: Any) -> None:
    reply, counts = counted("GET", "/thing/", headers={"X-Force-Stack": "ported"})
    assert (reply.status_code, reply.headers["x-served-by"]) == (503, "ported")
    assert counts == {}


def test_the_port_is_told_which_rule_a_path_has(make_bridge: MakeBridge, serve: Serve) -> None:
    async def port(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            reply = JSONResponse({"rule": scope.get("matched_rule"), "state": scope["state"]})
            await reply(scope, receive, send)

    url = serve(make_bridge(ported=port, allow_force=True)).url
    assert httpx.get(url + "/thing/7/").json() == {"rule": "/thing/<int:idx>/", "state": {}}
    forced = {"X-Force-Stack": "ported"}
    assert httpx.get(url + "/nowhere/", headers=forced).json()["rule"] is None


@dataclass
class Listener:
    """An observer that keeps what it is given."""

    body_limit: int = 1000
    taken: list[ClientExchange] = field(default_factory=list)
    asked: list[tuple[str, Mode, Stack]] = field(default_factory=list)
    stage: ComparisonStage | None = None

    async def startup(self, stage: ComparisonStage) -> None:
        self.stage = stage

    async def shutdown(self) -> None:
        self.stage = None

    def wants(self, operation: Operation, mode: Mode, compared: Stack, scope: Scope) -> bool:
        self.asked.append((str(operation), mode, compared))
        return True

    def take(self, exchange: ClientExchange) -> None:
        self.taken.append(exchange)

    def first(self, count: int) -> list[ClientExchange]:
        """It comes after the client has its reply."""
        deadline = time.monotonic() + 60
        while len(self.taken) < count:
            assert time.monotonic() < deadline, f"only {self.taken}"
            time.sleep(0.01)
        return self.taken


@pytest.fixture
def listen(make_bridge: MakeBridge, serve: Serve) -> Any:
    """`listen(mode)`: a running bridge whose operations have that mode, and its observer."""

    def start(mode: str, **options: Any) -> tuple[httpx.Client, Listener]:
        listener = Listener()
        bridge: Any = make_bridge(observer=listener, allow_force=True, token="word", **options)
        server = serve(bridge)
        bridge.ownership._accept(Stored(0, {"*": StoredMode(mode, utc(77), "me", "")}))
        return httpx.Client(base_url=server.url), listener

    return start


@pytest.mark.parametrize(
    ("mode", "primary", "compared"),
    [
        ("shadow", Stack.LEGACY, Stack.PORTED),
        ("canary 0%", Stack.LEGACY, Stack.PORTED),
        ("mirror", Stack.PORTED, Stack.LEGACY),
    ],
)
def test_a_comparison_gets_the_whole_exchange(
    listen: Any, mode: str, primary: Stack, compared: Stack
) -> None:
    client, listener = listen(mode)
    reply = client.post("/thing/?a=1", content=b"a body", headers={"X-Request-ID": "trace-7"})
    client.get("/thing/")
    added, got = listener.first(2)
    assert (added.operation, added.primary, added.compared) == (
        Operation("POST", "/thing/"), primary, compared
    )  # fmt: skip
    assert (added.body, added.request_id, added.trial) == (b"a body", "trace-7", 77_000)
    assert added.scope["query_string"] == b"a=1"
    assert (b"x-request-id", b"trace-7") in added.scope["headers"]
    assert added.answer.status == reply.status_code == 201
    assert added.answer.body == reply.content
    assert 0 < added.answer.seconds < 10
    assert got.body == b""
    assert set(listener.stage.apps) == set(Stack)


@pytest.mark.parametrize("mode", ["legacy", "canary 100%", "ported"])
def test_other_modes_are_not_compared(listen: Any, mode: str) -> None:
    client, listener = listen(mode)
    client.get("/thing/")
    assert listener.asked == listener.taken == []


def test_what_is_no_operation_or_forced_or_failed_is_not_compared(listen: Any) -> None:
    client, listener = listen("mirror")
    client.get("/nowhere/")
    client.get("/thing/", headers={"X-Force-Stack": "ported"})
    assert client.get("/fails/").headers["x-served-by"] == "legacy"
    client.options("/thing/")
    client.get("/thing/?last")
    (last,) = listener.first(1)
    assert last.scope["query_string"] == b"last"


def test_an_absent_database_is_not_compared(listen: Any) -> None:
    client, listener = listen("mirror", ported=lacking_database(ported_app()))
    assert client.post("/thing/?database=away", content=b"x").status_code == 503
    client.get("/thing/?last")
    (last,) = listener.first(1)
    assert last.scope["query_string"] == b"last"


def test_long_bodies_are_not_kept(listen: Any) -> None:
    client, listener = listen("shadow")
    client.post("/thing/", content=b"x" * 2000)
    (one,) = listener.first(1)
    assert one.body is None
    assert one.answer.body is None, "the legacy of this pair says back what it got"


def test_nothing_is_kept_when_nobody_compares(make_bridge: MakeBridge, serve: Serve) -> None:
    bridge: Any = make_bridge(ported_operations=[*PORTED, Ported("POST", "/echo/")])
    url = serve(bridge).url
    bridge.ownership._accept(Stored(0, {"*": StoredMode("shadow", utc(1), "me", "")}))
    assert httpx.post(url + "/thing/", content=b"x").headers["x-served-by"] == "legacy"


def test_differences_take_an_operation_back_with_the_pairs(listen: Any) -> None:
    client, listener = listen("legacy")
    bearer = {"Authorization": "Bearer word"}
    change = {"operation": THINGS, "mode": "mirror", "by": "me"}
    client.put("/_cutover/mode", json=change, headers=bearer).raise_for_status()
    for number in range(4):
        client.get(f"/thing/?{number}")
    for one in listener.first(4):
        query = one.scope["query_string"].decode()
        listener.stage.results.compared(
            one, status=200, seconds=0.01, different=True, example={"query": query}
        )
    deadline = time.monotonic() + 60
    while client.get("/thing/").headers["x-served-by"] != "legacy":
        assert time.monotonic() < deadline, "it is not taken back"
        time.sleep(0.05)
    found = client.get("/_cutover/breaches", headers=bearer).json()
    (breach,) = found["breaches"]
    assert (breach["operation"], breach["mode"]) == (THINGS, "mirror")
    assert "4 of 4 pairs differ" in breach["reason"]
    assert sorted(one["query"] for one in breach["examples"]) == ["0", "1", "2", "3"]
