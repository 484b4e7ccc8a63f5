"""Requests that HTTP libraries do not send, to a legacy by URL: none of them is a failure of the legacy."""

import json
import socket
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from legacy_bridge.operations.operation import Mode
from legacy_bridge.stacks.upstream import UpstreamLegacy
from tests.bridge.conftest import MakeBridge, Serve
from tests.bridge.pair import Running

HEAD = b"HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"


@dataclass
class Bridged:
    server: Running

    def raw(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of what comes back for these bytes."""
        head, _, body = self.server.raw(request).partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def legacy_errors(self) -> list[str]:
        """Replies of the legacy that count as its failures, as the metrics have them."""
        headers = {"Authorization": "Bearer operator"}
        text = httpx.get(f"{self.server.url}/_cutover/metrics", headers=headers).text
        lines = [one for one in text.splitlines() if one.startswith("cutover_requests_total{")]
        assert lines
        return [one for one in lines if 'stack="legacy"' in one and 'status="5' in one]


@pytest.fixture(params=["elsewhere", "in process"])
def bridged(
    request: pytest.FixtureRequest, upstream: str, make_bridge: MakeBridge, serve: Serve
) -> Bridged:
    options: dict[str, Any] = {"token": "operator", "default_mode": Mode.LEGACY}
    if request.param == "elsewhere":
        options["legacy"] = UpstreamLegacy(upstream)
    return Bridged(serve(make_bridge(**options)))


@pytest.mark.parametrize(
    ("request_line", "fields", "expected"),
    [
        (b"GET /thing/ ", b"X-Public: yours \t \r\n", 200),
        (b"GET /thing/ ", b"X-Public:\r\n", 200),
        (b"GET /thing/ ", b"X-Public: \xe9\xff\r\n", 200),
        (b"GET /thing/ ", b"X-Public: a\x01b\r\n", 400),
        (b'GET /thing/?x="<>|{}^` ', b"", 200),
        (b"GET http://x/thing/ ", b"", 200),
        (b"OPTIONS * ", b"", 404),
        (b"M-SEARCH /thing/ ", b"", 405),
        (b"GET /thing/ ", b"Upgrade: h2c\r\nHTTP2-Settings: AAA\r\n", 200),
        (b"GET /thing/ ", b"X-Big: " + b"x" * 30_000 + b"\r\n", 200),
        (b"GET /thing/ ", b"Content-Length: 3 \t\r\n", 200),
        (b"GET /thing/ ", b"Content-Length: 3\r\nContent-Length: 4\r\n", 400),
        (b"GET /thing/ ", b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
    ],
)
def test_strange_bytes_are_no_failure_of_the_legacy(
    bridged: Bridged, request_line: bytes, fields: bytes, expected: int
) -> None:
    body = b"abc" if b"Content-Length" in fields else b""
    status, _ = bridged.raw(request_line + HEAD + fields + b"\r\n" + body)
    assert status == expected
    bridged.raw(b"GET /thing/ " + HEAD + b"\r\n")
    assert not bridged.legacy_errors()


def test_blanks_after_a_value_are_not_passed_on(bridged: Bridged) -> None:
    status, body = bridged.raw(b"GET /environ/ " + HEAD + b"X-Public: yours \t \r\n\r\n")
    assert (status, json.loads(body)["HTTP_X_PUBLIC"].rstrip(" \t")) == (200, "yours")


def test_two_hosts_are_refused(upstream: str, make_bridge: MakeBridge, serve: Serve) -> None:
    legacy = UpstreamLegacy(upstream)
    options: dict[str, Any] = {"token": "operator", "default_mode": Mode.LEGACY}
    bridged = Bridged(serve(make_bridge(legacy=legacy, **options)))
    assert bridged.raw(b"GET /environ/ " + HEAD + b"Host: b\r\n\r\n")[0] == 400
    assert not bridged.legacy_errors()


NAMED = {
    "Host": "api.example.org",
    "X-Request-Id": "mine",
    "Authorization": "Bearer x",
    "Cookie": "a=b",
    "X-Forwarded-For": "10.0.0.1",
    "X-Api-Key": "a key of this legacy's own",
    "X-Tenant": "one that a proxy before us has set",
}


def test_connection_names_nothing_away(bridged: Bridged) -> None:
    """Only fields that are for one hop by their nature stay behind."""
    names = ", ".join(["close", *NAMED, "Content-Length"])
    head = "".join(f"{name}: {value}\r\n" for name, value in NAMED.items())
    fields = f"{head}Connection: {names}\r\n".encode()
    status, body = bridged.raw(b"GET /environ/ HTTP/1.1\r\n" + fields + b"\r\n")
    known = json.loads(body)
    assert status == 200
    for name, value in NAMED.items():
        assert known[f"HTTP_{name.upper().replace('-', '_')}"].startswith(value), name
    status, body = bridged.raw(
        b"POST /echo/ HTTP/1.1\r\n" + fields + b"Content-Length: 3\r\n\r\nabc"
    )
    assert (status, json.loads(body)["size"]) == (200, 3)


def test_what_is_for_one_hop_stays_behind(
    upstream: str, make_bridge: MakeBridge, serve: Serve
) -> None:
    bridged = Bridged(serve(make_bridge(legacy=UpstreamLegacy(upstream))))
    fields = b"TE: trailers\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"
    fields += b"Proxy-Authorization: Basic eDp5\r\nProxy-Connection: close\r\n"
    status, body = bridged.raw(b"GET /environ/ " + HEAD + fields + b"\r\n")
    assert status == 200
    known = json.loads(body)
    for name in ("TE", "KEEP_ALIVE", "UPGRADE", "HTTP2_SETTINGS", "PROXY_AUTHORIZATION"):
        assert f"HTTP_{name}" not in known
    assert "HTTP_PROXY_CONNECTION" not in known


def test_a_connection_that_is_cut_in_its_body_is_no_failure_of_the_legacy(
    bridged: Bridged,
) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", bridged.server.port), 10) as connection:
            connection.sendall(b"POST /thing/ " + HEAD + b"Content-Length: 100\r\n\r\nhalf")
    bridged.raw(b"GET /thing/ " + HEAD + b"\r\n")
    assert not bridged.legacy_errors()
