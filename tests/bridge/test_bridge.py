"""Who answers what, and what the reply says about it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from legacy_bridge.operations.census import CensusError
from legacy_bridge.operations.operation import Mode
from tests.bridge.conftest import MakeBridge, Serve
from tests.bridge.pair import PORTED, Ported, ported_app


@pytest.fixture
def client(make_bridge: MakeBridge, serve: Serve) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=serve(make_bridge(allow_force=True)).url) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status", "stack"),
    [
        ("GET", "/thing/", 200, "ported"),
        ("HEAD", "/thing/", 405, "ported"),  # this port does not add HEAD; it is asked all the same
        ("POST", "/thing/", 201, "ported"),
        ("GET", "/thing/7/", 200, "ported"),
        ("PUT", "/thing/7/", 200, "legacy"),
        ("OPTIONS", "/thing/deployed/", 200, "legacy"),
        ("GET", "/thing/deployed/", 200, "legacy"),
        ("GET", "/thing", 308, "legacy"),
        ("DELETE", "/thing/", 405, "legacy"),
        ("GET", "/nowhere/", 404, "legacy"),
        ("GET", "/static/none.css", 404, "legacy"),
        ("GET", "/fails/", 200, "legacy"),  # the port fails, the legacy steps in
        ("GET", "/_cutover/health", 200, "bridge"),
        ("GET", "/_cutover/", 200, "bridge"),
        ("GET", "/_cutover/nothing", 404, "bridge"),
        ("GET", "/_cutover", 308, "bridge"),
        ("GET", "/_cutoverx/", 404, "legacy"),
    ],
)
def test_every_reply_says_who_made_it(
    client: httpx.Client, method: str, path: str, status: int, stack: str
) -> None:
    reply = client.request(method, path)
    assert (reply.status_code, reply.headers["x-served-by"]) == (status, stack)
    assert len(reply.headers.get_list("x-request-id")) == 1


@pytest.mark.parametrize(
    ("force", "path", "status", "stack"),
    [
        ("legacy", "/thing/", 200, "legacy"),
        ("ported", "/thing/", 200, "ported"),
        ("ported", "/nowhere/", 404, "ported"),
        ("ported", "/thing/deployed/", 400, "bridge"),
        ("ported", "/static/x", 400, "bridge"),
        ("both", "/thing/", 400, "bridge"),
        ("", "/thing/", 400, "bridge"),
    ],
)
def test_a_stack_can_be_forced(
    client: httpx.Client, force: str, path: str, status: int, stack: str
) -> None:
    reply = client.get(path, headers={"X-Force-Stack": force})
    assert (reply.status_code, reply.headers["x-served-by"]) == (status, stack)


def test_nobody_forces_what_is_not_allowed(make_bridge: MakeBridge, serve: Serve) -> None:
    url = serve(make_bridge()).url + "/thing/"
    for force in ("legacy", "nonsense"):
        reply = httpx.get(url, headers={"X-Force-Stack": force})
        assert (reply.status_code, reply.headers["x-served-by"]) == (200, "ported")


def test_the_request_id_reaches_both_stacks_and_comes_back(client: httpx.Client) -> None:
    for path in ("/thing/", "/context/"):
        reply = client.get(path, headers={"X-Request-ID": "trace-7"})
        assert reply.json()["request_id"] == reply.headers["x-request-id"] == "trace-7"
        made = client.get(path)
        assert made.json()["request_id"] == made.headers["x-request-id"] != "trace-7"


def test_a_failing_port_tells_the_client_nothing_inside(client: httpx.Client) -> None:
    assert "bug of the port" not in client.get("/fails/").text


def test_the_ports_lifespan_runs_and_its_state_is_there(
    make_bridge: MakeBridge, serve: Serve
) -> None:
    port = ported_app()
    server = serve(make_bridge(ported=port))
    assert httpx.get(server.url + "/thing/").json()["greeting"] == "from the lifespan"
    assert port.state.events == ["started"]


def test_ported_operations_do_not_pay_for_spooling(make_bridge: MakeBridge, serve: Serve) -> None:
    reply = httpx.post(serve(make_bridge()).url + "/thing/", content=b"x" * 3_000_000)
    assert reply.json()["got"] == 3_000_000
    assert reply.json()["pieces"] > 2, "the body came as it arrived, not in one"


def test_options_stay_with_the_legacy_until_all_is_moved(
    make_bridge: MakeBridge, serve: Serve
) -> None:
    bridge: Any = make_bridge(default_mode=Mode.LEGACY, token="word")
    server = serve(bridge)
    bearer = {"Authorization": "Bearer word"}

    def move(operation: str) -> str:
        body = {"operation": operation, "mode": "ported", "by": "me"}
        httpx.put(server.url + "/_cutover/mode", json=body, headers=bearer).raise_for_status()
        return httpx.options(server.url + "/thing/").headers["x-served-by"]

    assert move("GET /thing/") == "legacy"
    assert move("POST /thing/") == "ported"


def test_without_a_legacy_the_port_answers_all(serve: Serve, make_bridge: MakeBridge) -> None:
    server = serve(make_bridge(legacy=None, rules=[], allow_force=True))
    for path, status in (("/thing/", 200), ("/thing/deployed/", 404), ("/thing", 307)):
        reply = httpx.get(server.url + path)
        assert (reply.status_code, reply.headers["x-served-by"]) == (status, "ported")
    forced = httpx.get(server.url + "/thing/", headers={"X-Force-Stack": "legacy"})
    assert forced.status_code == 400


def test_start_up_refuses_a_pair_that_does_not_fit(make_bridge: MakeBridge) -> None:
    with pytest.raises(CensusError, match="GET /new/ is ported, but the legacy has no such"):
        make_bridge(ported_operations=[*PORTED, Ported("GET", "/new/")])


def test_it_is_a_fastapi_application(make_bridge: MakeBridge) -> None:
    bridge = make_bridge()
    assert isinstance(bridge, FastAPI)
    assert set(bridge.openapi()["paths"]) >= {
        "/_cutover/health",
        "/_cutover/status",
        "/_cutover/mode",
        "/_cutover/history",
    }


def test_below_an_application_root(serve: Serve, make_bridge: MakeBridge) -> None:
    """The port of this pair lives at the root, so it answers 404: what counts is who was asked."""
    server = serve(make_bridge(root="/test"))
    for path, stack in (("/test/thing/", "ported"), ("/thing/", "legacy"), ("/test/x/", "legacy")):
        assert httpx.get(server.url + path).headers["x-served-by"] == stack


def test_behind_a_proxy_with_a_root_path(serve: Serve, make_bridge: MakeBridge) -> None:
    server = serve(make_bridge(), root_path="/api")
    for path, stack in (("/thing/", "ported"), ("/thing/deployed/", "legacy")):
        reply = httpx.get(server.url + path)
        assert (reply.status_code, reply.headers["x-served-by"]) == (200, stack)


def test_keep_alive_and_pipelining(serve: Serve, make_bridge: MakeBridge) -> None:
    one = b"GET /thing/ HTTP/1.1\r\nHost: x\r\n\r\n"
    other = b"GET /thing/deployed/ HTTP/1.1\r\nHost: x\r\n\r\n"
    with serve(make_bridge()).connect() as connection:
        connection.sendall((one + other) * 10)
        data = b""
        while data.count(b"HTTP/1.1 200 OK") < 20 or not data.endswith(b"}\n"):
            data += connection.recv(65536)
    served = [line for line in data.split(b"\r\n") if line.startswith(b"x-served-by")]
    assert served == [b"x-served-by: ported", b"x-served-by: legacy"] * 10
