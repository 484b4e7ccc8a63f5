"""Row 4 of the pitfalls: 1 GB each way, through both stacks, in little memory and whole."""

import hashlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridge.large_bodies import BLOCK, PIECE

PIECES = 1024
"""So a body is 1 GiB."""
MOST_MEGABYTES = 200
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["legacy", "ported"])
def server(
    request: pytest.FixtureRequest, free_port: int, modes_url: str
) -> Iterator[tuple[int, int]]:
    """Process and port of a bridge in this mode."""
    command = [sys.executable, "-m", "tests.bridge.large_bodies"]
    process = subprocess.Popen([*command, str(free_port), request.param, modes_url], cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None
            assert time.monotonic() < deadline, "the bridge does not start"
            try:
                ask(free_port, "GET", "/old/give/1/")
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid, free_port
    finally:
        process.terminate()
        process.wait(60)


def ask(port: int, method: str, path: str, pieces: int | None = None) -> tuple[int, str]:
    """Size and digest of the reply's body; `pieces` are what is sent, without being held here."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {} if pieces is None else {"Content-Length": str(pieces * PIECE)}
    body = None if pieces is None else (BLOCK for _ in range(pieces))
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    assert reply.status == 200
    digest, size = hashlib.blake2b(), 0
    text = b""
    while piece := reply.read(PIECE):
        digest.update(piece)
        size += len(piece)
        text = piece if size < PIECE else b""
    connection.close()
    return size, text.decode() if pieces is not None else digest.hexdigest()


def peak_megabytes(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of the memory in /proc")
def test_a_gigabyte_each_way_in_bounded_memory(server: tuple[int, int]) -> None:
    process, port = server
    expected = hashlib.blake2b()
    for _ in range(PIECES):
        expected.update(BLOCK)
    _, told = ask(port, "POST", "/old/take/", PIECES)
    assert f'"size":{PIECES * PIECE}' in told.replace(" ", "")
    assert expected.hexdigest() in told
    assert ask(port, "GET", f"/old/give/{PIECES}/") == (PIECES * PIECE, expected.hexdigest())
    assert peak_megabytes(process) < MOST_MEGABYTES
