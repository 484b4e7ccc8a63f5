"""Whatever is sent to the control API is done or refused with a 4xx: never a 500, never without a bound."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from legacy_bridge.control.access import ControlAccess, ControlRefusedError
from legacy_bridge.control.session import TokenSession
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
    assert 400 <= reply.status_code < 500, (reply.status_code, reply.text[:300])
    assert reply.content


@pytest.mark.parametrize("cookie", ["t.x.y.z", "t.a.b", "t..", "u.", "t." + "a" * 3000])
def test_a_forged_session_is_a_401(client: httpx.Client, cookie: str) -> None:
    headers = {"Cookie": f"cutover_session={cookie}", "X-Cutover-Page": "1", "Authorization": ""}
    assert client.get("/status", headers=headers).status_code == 401


def test_a_session_is_read_or_nobody() -> None:
    sessions = TokenSession("token")
    good = sessions.issue("me", 2_000)
    assert sessions.name_of(good, 1_000) == "me"
    for bad in ("", ".", "a.b.c", good[:-1], "\u20ac." + good):
        assert sessions.name_of(bad, 1_000) is None


async def test_guesses_of_the_token_are_limited() -> None:
    access = ControlAccess("the token")

    def request(token: str, address: str = "10.0.0.9") -> Request:
        value = f"Bearer {token}".encode()
        return Request({
            "type": "http", "method": "GET", "headers": [(b"authorization", value)],
            "client": (address, 1), "path": "/", "query_string": b"",
        })  # fmt: skip

    statuses = []
    for number in range(60):
        with pytest.raises(ControlRefusedError) as refused:
            await access.caller(request(f"guess {number}"))
        statuses.append(refused.value.status)
    assert statuses == [401] * 30 + [429] * 30
    assert (await access.caller(request("the token", "10.0.0.8"))).name is None


async def test_wrong_passwords_at_once_are_limited_as_one_by_one() -> None:
    asked = 0

    class Application:
        async def log_in(self, client: httpx.AsyncClient, user: str, password: str) -> str | None:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0.05)
            return "a token" if password == "right" else None

        async def admin(self, token: str) -> str | None:
            return "me"

    access = ControlAccess(None, Application(), httpx.AsyncClient)
    found = await asyncio.gather(
        *(access.log_in("me", f"guess {number}", "10.0.0.9") for number in range(300)),
        return_exceptions=True,
    )
    statuses = [one.status for one in found if isinstance(one, ControlRefusedError)]
    assert (asked, statuses.count(401), statuses.count(429)) == (10, 10, 290)
    for _ in range(20):
        assert (await access.log_in("me", "right", "10.0.0.8"))[0] == "me"
