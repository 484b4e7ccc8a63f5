"""Attacks on the control API: whoever has no credentials learns nothing, changes nothing and costs little."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from legacy_bridge.control.own_requests import MAX_BODY
from legacy_bridge.operations.operation import Mode
from tests.bridge.conftest import MakeBridge, Serve
from tests.bridge.pair import Running

CHANGE = {"operation": "GET /thing/", "mode": "ported", "by": "me"}
OPERATOR = {"Authorization": "Bearer operator"}


@pytest.fixture
def server(make_bridge: MakeBridge, serve: Serve) -> Running:
    return serve(make_bridge(token="operator", default_mode=Mode.LEGACY))


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def unchanged(client: httpx.Client) -> None:
    assert client.get("/_cutover/history", headers=OPERATOR).json() == {"history": []}


@pytest.mark.parametrize(
    "path",
    [
        "/_cutover/status",
        "/_cutover/./status",
        "/_cutover/x/../status",
        "/_cutover/..%2f_cutover/status",
        "/_cutover/%2e%2e/_cutover/status",
        "/_cutover%2fstatus",
        "/%5fcutover/status",
        "/_cutover//status",
        "//_cutover/status",
        "/x/../_cutover/status",
        "/x/..%2f_cutover/status",
        "/_cutover/status;a=b",
        "/_cutover/status/",
        "/_cutover/health/../status",
        "/_cutover/health%2f..%2fstatus",
        "/_cutover/static/..%2f..%2fstatus",
        "/_cutover/static/%2e%2e/status",
        "/_CUTOVER/status",
        "/_cutover/status%00",
        "/_cutover\\\\status",
        "/_cutover/session/../status",
    ],
)
def test_no_spelling_of_a_path_gets_past_the_guard(server: Running, path: str) -> None:
    got = server.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert got.split()[1] in (b"307", b"308", b"400", b"401", b"404"), got[:200]
    assert b"default_mode" not in got
    assert b"operations" not in got


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "PUT"},
        {"X-HTTP-Method": "PUT"},
        {"X-Method-Override": "PUT"},
        {"X-Original-URL": "/_cutover/kill", "X-Rewrite-URL": "/_cutover/kill"},
    ],
)
def test_no_header_makes_another_request_of_it(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    for path in ("/_cutover/health", "/_cutover/kill", "/_cutover/mode?_method=PUT"):
        for method in ("GET", "POST"):
            client.request(method, path, headers=headers, json=CHANGE)
            client.request(method, path, headers={**headers, **OPERATOR})
    unchanged(client)


def session_of(client: httpx.Client) -> dict[str, str]:
    reply = client.post("/_cutover/session", json={"token": "operator", "name": "tom"})
    assert reply.status_code == 200
    cookie = client.cookies["cutover_session"]
    client.cookies.clear()
    return {"Cookie": f"cutover_session={cookie}"}


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"Content-Type": "application/json"}, json.dumps(CHANGE)),
        ({"Content-Type": "text/plain"}, json.dumps(CHANGE)),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            "operation=GET+/thing/&mode=ported",
        ),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "--x--"),
        ({}, json.dumps(CHANGE)),
        (
            {"X-Cutover-Page": "1", "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.org"},
            json.dumps(CHANGE),
        ),
        ({"X-Cutover-Page": "1", "Sec-Fetch-Site": "same-site"}, json.dumps(CHANGE)),
        ({"X-Cutover-Page": "1", "Origin": "https://evil.org"}, json.dumps(CHANGE)),
        ({"X-Cutover-Page": "1", "Origin": "null"}, json.dumps(CHANGE)),
    ],
)
def test_a_page_of_another_site_changes_nothing_with_the_cookie(
    client: httpx.Client, headers: dict[str, str], content: str
) -> None:
    cookie = session_of(client)
    for method, path in (
        ("PUT", "/_cutover/mode"),
        ("POST", "/_cutover/kill"),
        ("POST", "/_cutover/rollback"),
        ("PUT", "/_cutover/sticky"),
    ):
        reply = client.request(method, path, headers={**cookie, **headers}, content=content)
        assert reply.status_code == 403, (path, reply.text)
    unchanged(client)


def test_a_page_of_another_site_is_told_nothing(client: httpx.Client) -> None:
    """No CORS header is ever sent, so its script can't read, nor ask for what a browser asks first."""
    foreign = {"Origin": "https://evil.org", "Access-Control-Request-Method": "PUT"}
    asked = {"Access-Control-Request-Headers": "x-cutover-page, content-type"}
    for method, path in (
        ("OPTIONS", "/_cutover/mode"),
        ("GET", "/_cutover/status"),
        ("GET", "/_cutover/health"),
        ("POST", "/_cutover/session"),
    ):
        reply = client.request(method, path, headers={**foreign, **asked, **session_of(client)})
        assert not [name for name in reply.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_form_of_another_site_logs_nobody_in(client: httpx.Client, kind: str | None) -> None:
    """Nor as somebody else: the victim would act under the attacker's name."""
    content = json.dumps({"token": "operator", "name": "eve"})
    headers = {"Origin": "https://evil.org"} | ({"Content-Type": kind} if kind else {})
    reply = client.post("/_cutover/session", content=content, headers=headers)
    assert reply.status_code in (400, 403)
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    "path", ["/_cutover/", "/_cutover/status", "/_cutover/health", "/_cutover/nothing"]
)
def test_replies_can_not_be_framed_sniffed_or_kept(client: httpx.Client, path: str) -> None:
    for headers in ({}, OPERATOR):
        reply = client.get(path, headers=headers)
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] in ("no-store", "no-cache")
        for name in ("content-security-policy", "cache-control"):
            assert len(reply.headers.get_list(name)) == 1


def test_replies_of_the_api_stay_as_they_are(client: httpx.Client) -> None:
    assert "x-frame-options" not in client.get("/thing/").headers


def resident() -> int:
    """Bytes of this process, the bridge in it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("path", ["/_cutover/mode", "/_cutover/session", "/_cutover/nothing"])
def test_a_huge_body_is_refused_before_it_is_kept(
    server: Running, client: httpx.Client, path: str, declared: bool
) -> None:
    """Without credentials: FastAPI alone reads it whole before it asks for them."""
    size = 300 * 1024 * 1024
    piece = b"[" + b" " * 65535
    before = resident()
    got = b""
    with server.connect(60) as connection:
        kind = b"Content-Length: %d" % size if declared else b"Transfer-Encoding: chunked"
        connection.sendall(
            b"POST " + path.encode() + b" HTTP/1.1\r\nHost: a\r\n"
            b"Content-Type: application/json\r\n" + kind + b"\r\n\r\n"
        )  # fmt: skip
        chunk = piece if declared else b"%x\r\n" % len(piece) + piece + b"\r\n"
        most = 0
        try:
            for number in range(size // len(piece)):
                connection.sendall(chunk)
                if number % 64 == 0:
                    most = max(most, resident() - before)
            if not declared:
                connection.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # it has closed: that is the answer
        try:
            got = connection.recv(65536)
        except OSError:
            got = b""
    assert most < 100 * 1024 * 1024
    assert not got or got.split()[1] == b"413", got[:100]
    assert client.get("/_cutover/health").status_code == 200


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b" " * (MAX_BODY + 1), 413),
        (b"[" * MAX_BODY, 400),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b"[" + b"[]," * 300_000 + b"[]]", 400),
        (b'{"operation":"GET /thing/","mode":"ported","by":"me","mode":"dreaming"}', 400),
        (b'{"operation":1e999999,"mode":"ported","by":"me"}', 400),
        (b"9" * 100_000, 400),
        (b"NaN", 400),
        (b"null", 400),
        (b"", 400),
        (b"\xef\xbb\xbf{}", 400),
        ('{"operation":"GET /thing/"}'.encode("utf-16"), 400),
    ],
)
def test_a_strange_body_is_refused_quickly(
    client: httpx.Client, content: bytes, status: int
) -> None:
    headers = {**OPERATOR, "Content-Type": "application/json"}
    reply = client.put("/_cutover/mode", content=content, headers=headers)
    assert (reply.status_code, len(reply.content) < 20_000) == (status, True), reply.text[:300]
    unchanged(client)


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 60\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
    ],
)
@pytest.mark.parametrize("prefix", [b"/_cutover/session", b"/thing/"])
def test_no_second_request_is_smuggled(
    server: Running, client: httpx.Client, prefix: bytes, fields: bytes
) -> None:
    hidden = b"PUT /_cutover/mode HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer operator\r\n"
    body = json.dumps(CHANGE).encode()
    hidden += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    got = server.raw(
        b"POST " + prefix + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields
        + b"\r\n0\r\n\r\n" + hidden,
    )  # fmt: skip
    assert got.count(b"HTTP/1.1 ") <= 1
    unchanged(client)


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer wrong"), ("Authorization", "Bearer operator")],
        [("Authorization", "Basic b3BlcmF0b3I6")],
        [("Authorization", "operator")],
        [("Authorization", "Bearer operator,")],
        [("Authorization", "Bearer \xff")],
        [("X-Authorization", "Bearer operator")],
        [("Cookie", "cutover_session=operator")],
        [("Cookie", "cutover_session=t.operator")],
        [("Cookie", "cutover_session=u.operator")],
        [("Authorization", "Bearer " + "x" * 20_000)],
    ],
)
def test_half_credentials_are_none(client: httpx.Client, headers: list[tuple[str, str]]) -> None:
    fields = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    assert client.get("/_cutover/status", headers=fields).status_code == 401


def test_credentials_in_the_address_are_none(client: httpx.Client) -> None:
    for query in ("token=operator", "access_token=operator", "authorization=Bearer+operator"):
        assert client.get(f"/_cutover/status?{query}").status_code == 401


def test_a_cookie_is_for_the_bridges_own_corner(client: httpx.Client) -> None:
    """The API's own clients do not send it, and neither stack gets it."""
    reply = client.post("/_cutover/session", json={"token": "operator", "name": "tom"})
    cookie = reply.headers["set-cookie"].lower()
    assert "path=/_cutover;" in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "domain" not in cookie
    forwarded = {"X-Forwarded-Proto": "https"}
    again = client.post(
        "/_cutover/session", json={"token": "operator", "name": "tom"}, headers=forwarded
    )
    assert "secure" in again.headers["set-cookie"].lower()


def test_many_who_guess_cost_the_others_little(client: httpx.Client) -> None:
    """Forged cookies are refused without a statement, so they are not limited."""
    started = time.monotonic()
    for number in range(200):
        headers = {"Cookie": f"cutover_session=x{number}.abc.def"}
        assert client.get("/_cutover/status", headers=headers).status_code == 401
    assert time.monotonic() - started < 120
    assert client.get("/_cutover/status", headers=OPERATOR).status_code == 200


def test_a_text_is_shown_as_text(client: httpx.Client) -> None:
    """What operators write is data: JSON with a type of its own, and the page builds no HTML of it."""
    why: Any = "<img src=x onerror=alert(1)>"
    reply = client.put("/_cutover/mode", json={**CHANGE, "why": why}, headers=OPERATOR)
    assert reply.status_code == 200
    shown = client.get("/_cutover/history", headers=OPERATOR)
    assert shown.headers["content-type"] == "application/json"
    assert shown.json()["history"][0]["why"] == why


def test_the_pages_own_origin_is_let_in(client: httpx.Client) -> None:
    """Also over plain HTTP, where browsers send nothing but it, and behind a proxy that says for whom."""
    cookie = session_of(client)
    own = {"Origin": str(client.base_url).rstrip("/")}
    proxied = {"Origin": "https://api.example.org", "X-Forwarded-Host": "api.example.org"}
    for mode, origin in (("ported", own), ("legacy", proxied)):
        headers = {**cookie, **origin, "X-Cutover-Page": "1"}
        body = {**CHANGE, "mode": mode}
        assert client.put("/_cutover/mode", json=body, headers=headers).status_code == 200
