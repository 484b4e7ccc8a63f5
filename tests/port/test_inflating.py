"""Bodies that arrive compressed: how much of them is inflated, and for whom."""

import asyncio
import gzip
import json
import resource
import sys
from typing import Any

import pytest

from tests.port.conftest import Port, StartPort

HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
MEGABYTE = 1024 * 1024
TOO_LARGE = "The inflated body is larger than {} bytes, which is the most this server takes."


def bomb(megabytes: int) -> bytes:
    """Zeros, a thousandth of their size. gzip takes one file after the other."""
    return gzip.compress(bytes(64 * MEGABYTE)) * (megabytes // 64)


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


async def test_a_bomb_of_ten_megabytes_is_refused_while_others_are_served(port: Port) -> None:
    body = bomb(10_240)
    assert 9 * MEGABYTE < len(body) < 11 * MEGABYTE
    before = peak_bytes()
    refused, served = await asyncio.gather(
        port.call("POST", "/instance/", content=body, headers=HEADERS),
        port.call("GET", "/user/"),
    )
    assert served.status_code == 200
    assert refused.status_code == 413
    assert refused.json() == {"error": TOO_LARGE.format(256 * MEGABYTE)}
    assert peak_bytes() - before < 100 * MEGABYTE


async def test_nothing_is_inflated_for_a_stranger(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inflate(*_: Any) -> None:
        raise AssertionError("inflated")

    monkeypatch.setattr(gzip, "decompress", inflate)
    monkeypatch.setattr(gzip, "GzipFile", inflate)
    reply = await port.call("POST", "/instance/", as_=None, content=bomb(64), headers=HEADERS)
    assert (reply.status_code, reply.json()) == (400, {"error": "Authorization header is missing"})


async def test_who_may_not_is_told_so_before_the_size(start_port: StartPort) -> None:
    port = await start_port(CORNFLOW_F_MAX_INFLATED_BYTES="100")
    body = gzip.compress(bytes(101))
    reply = await port.call("POST", "/case/", as_="viewer", content=body, headers=HEADERS)
    assert reply.status_code == 403


@pytest.mark.parametrize(("size", "status"), [(100, 400), (101, 413)])
async def test_the_limit_is_the_setting(start_port: StartPort, size: int, status: int) -> None:
    port = await start_port(CORNFLOW_F_MAX_INFLATED_BYTES="100")
    text = json.dumps({"name": "a"}).ljust(size)
    reply = await port.call(
        "POST", "/instance/", content=gzip.compress(text.encode()), headers=HEADERS
    )
    assert reply.status_code == status, reply.text
    expected = TOO_LARGE.format(100) if status == 413 else "{'json': {'data': ["
    assert reply.json()["error"].startswith(expected)
