"""Whatever is sent to the control API is done or refused with a 4xx: never a 500, never without a bound."""

from typing import Any

import httpx
import pytest

from tests.bridge.conftest import MakeBridge, Serve

HEADERS = {"Authorization": "Bearer operator", "Content-Type": "application/json"}
ACT: dict[str, Any] = {"operation": "GET /thing/", "by": "me", "why": "a test"}


@pytest.fixture
def client(make_bridge: MakeBridge, serve: Serve) -> httpx.Client:
    url = serve(make_bridge(token="operator")).url
    return httpx.Client(base_url=f"{url}/_cutover", headers=HEADERS)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/mode", b'{"operation":"\\ud800","mode":"ported","by":"me","why":"x"}'),
        ("PUT", "/mode", b'{"operation":"GET /thing/","mode":"\\ud800","by":"me","why":"x"}'),
        ("PUT", "/mode", b'{"operation":"GET /thing/","mode":"ported","by":"\\ud800","why":"x"}'),
        ("PUT", "/mode", b'{"operation":"GET /thing/","mode":"ported","by":"me","why":"\\udfff"}'),
        ("PUT", "/mode", b'{"operation":"\xff\xfe"}'),
        ("PUT", "/mode", b"\xff"),
        ("PUT", "/mode", b"[" * 100_000),
        ("PUT", "/group/a", b'{"operations":["\\ud800"],"by":"me"}'),
        ("PUT", "/group/%00", b'{"operations":["GET /thing/"],"by":"me"}'),
        ("PUT", "/group/" + "a" * 600, b'{"operations":["GET /thing/"],"by":"me"}'),
        (
            "PUT",
            "/mode",
            b'{"operation":"GET /thing/","mode":"ported","by":"me","why":"a\\u0000b"}',
        ),
        ("PUT", "/mode", b'{"operation":"GET /thing/","mode":"ported","by":""}'),
        ("PUT", "/sticky", b'{"to":"header:\\ud800","by":"me"}'),
        ("PUT", "/sticky", b'{"to":"cookie:' + b"x" * 5_000 + b'","by":"me"}'),
        ("PUT", "/budget", b'{"name":"\\ud800","limits":{},"by":"me"}'),
        ("PUT", "/budget", b'{"name":"*","limits":{"\\ud800":1},"by":"me"}'),
        ("POST", "/kill", b'{"by":"me","why":"' + b"x" * 100_000 + b'"}'),
        ("POST", "/ramp/start", b'{"operation":"GET /thing/","by":"me","samples":-1}'),
        ("POST", "/ramp/start", b'{"operation":"GET /thing/","by":"me","seconds":-1}'),
        ("POST", "/ramp/start", b'{"operation":"GET /thing/","by":"me","seconds":1e999}'),
        ("POST", "/ramp/start", b'{"operation":"GET /thing/","by":"me","steps":["\\ud800"]}'),
        ("POST", "/session", b'{"token":"\\ud800","name":"me"}'),
        ("POST", "/session", b'{"token":"operator","name":"\\ud800"}'),
        ("POST", "/session", b"\xff"),
    ],
)
def test_what_makes_no_sense_is_refused(
    client: httpx.Client, method: str, path: str, body: bytes
) -> None:
    reply = client.request(method, path, content=body)
    assert reply.status_code == 400, (reply.status_code, reply.text[:300])
    assert reply.content
    assert reply.json()["error"]
    assert "operator" not in reply.text, "what was sent is not shown: it may be a secret"


@pytest.mark.parametrize(
    "path",
    [
        "/history?limit=-1",
        "/history?limit=%ed%a0%80",
        "/history?limit=1e9",
        "/breaches?name=%00",
        "/breaches?name=" + "x" * 600,
        "/examples?operation=a%00b",
        "/examples?limit=0",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 400


@pytest.mark.parametrize("path", ["/breaches?name=%ed%a0%80", "/examples?operation=%ff"])
def test_a_query_that_is_no_text_finds_nothing(client: httpx.Client, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 200
    assert [*reply.json().values()] == [[]]


@pytest.mark.parametrize("cookie", ["t.x.y.z", "t.a.b", "t..", "u.", "t." + "a" * 3000])
def test_a_forged_session_is_a_401(client: httpx.Client, cookie: str) -> None:
    headers = {"Cookie": f"cutover_session={cookie}", "X-Cutover-Page": "1", "Authorization": ""}
    assert client.get("/status", headers=headers).status_code == 401
