"""To mask an exchange costs bounded time and memory; what would cost more is left out, never shown."""

import asyncio
import gzip
import json
import time
import tracemalloc
from pathlib import Path

import brotli
import pytest

from legacy_bridge.capture.options import CaptureOptions
from legacy_bridge.capture.writer import CaptureWriter, MemoryBudget
from parity_core.capture.fingerprint import FingerprintKey
from parity_core.capture.mask import TOO_COSTLY, Masker
from parity_core.capture.raw import Raw, without_secrets
from parity_core.capture.record import Body, Headers, Recorded, to_line

KEY = FingerprintKey(b"of the tests")
MOST = 1024 * 1024
TICK = 0.005


def raw(body: bytes, headers: Headers = ()) -> Raw:
    return Raw(
        at=1.0, took=0.1, method="POST", target="/x/?token=Hidden-word1", request_headers=headers,
        request_body=Body(body), status=200, reply_headers=(), reply_body=Body(b"Hidden-word1"),
        operation="POST /x/",
    )  # fmt: skip


def record(body: bytes, headers: Headers = (), seconds: float = 1.0) -> Recorded:
    return without_secrets(raw(body, headers), Masker(KEY, (), seconds), MOST)


ATTACKS = {
    "eyJ": b"eyJ" * 340_000,
    "eyJ with a dot": b"eyJaaaaaa." * 100_000,
    ";name=": b"pin" + b';name="aa"' * 100_000,
    ";name= of a secret": b';name="pin"\n' * 80_000,
    "quotes": b'pin"' * 250_000,
    "lists": b'["pin",' + b"[]," * 340_000 + b"[]]",
    "deep": b'"pin":' + b"[" * 900_000,
    "just not too deep": b'["pin",' + b"[" * 960 + b"]" * 960 + b"]",
    "many secrets": json.dumps([{"token": f"abc{n:06}"} for n in range(40_000)]).encode(),
    "many secrets in text": b"".join(b"&token=abc%06d" % n for n in range(60_000)),
    "bold": b"pin<b>" * 160_000,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_megabyte_takes_long_to_mask(name: str) -> None:
    took = []
    for _ in range(3):
        began = time.thread_time()
        line = to_line(record(ATTACKS[name]))
        took.append(time.thread_time() - began)
        assert "Hidden-word1" not in line
        if took[-1] < 2:
            return
    pytest.fail(f"{took} s of the processor")


@pytest.mark.parametrize(
    ("body", "seconds"),
    [(ATTACKS["many secrets"], 1.0), (b'{"password": "Hidden-word2", "a": "bcdefgh"}', -1.0)],
)
def test_what_is_too_costly_is_left_out_and_says_so(body: bytes, seconds: float) -> None:
    found = record(body, (("Authorization", "Bearer Hidden-word1"), ("X-A", "b")), seconds)
    assert found.request_body == Body(missing=TOO_COSTLY, length=len(body))
    assert found.reply_body.missing == TOO_COSTLY
    assert (found.target, found.request_headers, found.operation) == ("/", (), "POST /x/")
    assert found.user is not None
    line = to_line(found)
    assert "Hidden" not in line
    assert "abc00" not in line


def brotli_bomb(size: int) -> bytes:
    return bytes(brotli.compress(b"\0" * size, quality=9))


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_bomb_costs_no_more_than_the_limit(encoding: str) -> None:
    size = 200 * 1024 * 1024
    bomb = gzip.compress(b"\0" * size, 9) if encoding == "gzip" else brotli_bomb(size)
    tracemalloc.start()
    try:
        found = record(bomb, (("content-encoding", encoding),))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not found.request_body.is_whole
    assert peak < 8 * MOST


def test_brotli_bodies_are_masked_and_cut_ones_left_out() -> None:
    whole = brotli.compress(b'{"password": "Hidden-word2", "a": "%s"}' % (b"x" * 3000))
    found = record(whole, (("content-encoding", "br"),))
    assert b'"password": "<masked>"' in found.request_body.content
    assert not record(whole[:-4], (("content-encoding", "br"),)).request_body.is_whole


async def test_a_loop_goes_on_while_a_thread_masks(tmp_path: Path) -> None:
    stalls = []
    # a busy machine holds a loop up, too: one quiet run is enough
    for number in range(3):
        options = CaptureOptions(
            capture=tmp_path / str(number),
            capture_max_body=MOST,
            capture_max_files=9,
            capture_file_size=MOST,
        )
        writer = CaptureWriter(options, MemoryBudget(MOST), lambda method, path: path)
        stalls.append(await _longest_stall(writer))
        state = writer.state()
        assert (state["failed"], state["written"]) == (0, len(ATTACKS))
        assert state["too_costly"] >= 1
        # a sixtieth as it is, a quarter if the loop did the work
        if stalls[-1] < 0.1:
            return
    pytest.fail(f"the loop stood still for {stalls} s")


async def _longest_stall(writer: CaptureWriter) -> float:
    longest = 0.0
    writer.start()
    try:
        for body in ATTACKS.values():
            began = time.process_time()
            writer.put(raw(body), 0, False)
            longest = max(longest, time.process_time() - began)
        while writer.state()["written"] < len(ATTACKS):
            # the processor's time: what others do on this machine is not the loop's stall
            began = time.process_time()
            await asyncio.sleep(TICK)
            longest = max(longest, time.process_time() - began)
    finally:
        await asyncio.to_thread(writer.stop)
    return longest
