"""More half-sent requests than the server may open files: everybody else is still answered.

Real processes of `cornflow-f serve` and `cutover serve` with few files (`ulimit -n`).
"""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from parity_tests.stage.process import free_port
from tests.bridge.cornflow_stack import environment, process, seed

FILES, ATTACKERS = 256, 300
HALF = b"GET /health/ HTTP/1.1\r\nhost: x\r\nx-slow: "


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = environment(tmp_path_factory.mktemp("cornflow"))
    seed(found)
    return found


@pytest.fixture(
    params=["cornflow_f.cli", pytest.param("legacy_bridge.cli", marks=pytest.mark.legacy)]
)
def port(request: pytest.FixtureRequest, env: dict[str, str]) -> Iterator[int]:
    number = free_port()
    command = f"ulimit -n {FILES}; exec {sys.executable} -m {request.param} serve --port {number}"
    with process(["sh", "-c", command], f"http://127.0.0.1:{number}", env, "/health/"):
        yield number


def test_half_sent_requests_cut_nobody_else_off(port: int) -> None:
    with ExitStack() as attack:
        for _ in range(ATTACKERS):
            half = attack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            try:
                half.send(HALF)
            except ConnectionError:
                continue
        answered, until = 0, time.monotonic() + 120
        while answered < 10:
            try:
                status = httpx.get(f"http://127.0.0.1:{port}/health/", timeout=30).status_code
            except httpx.TransportError:
                status = 0
            # while those before are young, there may be no room for a moment
            assert status in (200, 503, 0)
            answered = answered + 1 if status == 200 else 0
            assert time.monotonic() < until, "the others are cut off"
