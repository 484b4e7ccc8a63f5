"""What a busy machine does is never a difference: it is tried again, or the run says that it could not tell."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from parity_core.compare.correspond import Correspondence, Window
from parity_core.compare.rules import Rule, RuleKind
from parity_core.model import Request, Side
from parity_tests.stage.process import RunningStack
from parity_tests.stage.world import World
from tests.parity.conftest import ROOT, Shop, keep_step

APP = "shop_port/app.py"
TROUBLE = '''

class Trouble:
    """Does something with the first so many requests that change an item."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] == "PUT" and self.strikes():
            import asyncio

            await self.{what}(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def strikes(self) -> bool:
        from pathlib import Path

        file = Path({file!r})
        count = int(file.read_text()) if file.exists() else 0
        file.write_text(str(count + 1))
        return count < {times}

    async def cut(self, scope: Any, receive: Any, send: Any) -> None:
        start = {{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]}}
        await send(start)

    async def hang(self, scope: Any, receive: Any, send: Any) -> None:
        import asyncio

        await asyncio.sleep(25)
        await self.app(scope, receive, send)

    async def fail(self, scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({{"error": "busy"}}, 503)(scope, receive, send)

    async def lie(self, scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({{"message": "EDITED"}})(scope, receive, send)


app.add_middleware(Trouble)


if __name__ == "__main__":'''


def trouble(shop: Shop, what: str, times: int) -> None:
    text = TROUBLE.format(what=what, times=times, file=str(shop.folder / "strikes"))
    shop.change(APP, '\n\nif __name__ == "__main__":', text)
    if what == "hang":
        shop.change("parity.toml", 'name = "Shop"', 'name = "Shop"\ntimeout = 10')


@pytest.mark.parametrize("what", ["cut", "hang"])
def test_what_goes_wrong_once_is_tried_again_and_told(shop: Shop, what: str) -> None:
    trouble(shop, what, 1)
    code, report, printed = shop.report("-j", "items")
    assert code == 0, printed
    (note,) = report["retried"]
    assert "items, step" in note
    assert "played again" in printed
    steps = len(report["details"]) == 0
    assert steps
    assert report["exchanges"] == 10


@pytest.mark.parametrize(
    ("what", "place"), [("cut", "status"), ("fail", "status"), ("lie", "body")]
)
def test_what_goes_wrong_each_time_is_a_difference(shop: Shop, what: str, place: str) -> None:
    trouble(shop, what, 1_000)
    code, report, printed = shop.report("-j", "items")
    assert code == 1, printed
    assert any(one["place"].startswith(place) for one in report["details"])
    assert report["unclear"] == []
    assert report["exchanges"] == 10, "what follows is asked too"


def test_what_hangs_each_time_can_not_be_told(shop: Shop) -> None:
    trouble(shop, "hang", 1_000)
    junit = shop.folder / "junit.xml"
    code, report, printed = shop.report("-j", "items", "--junit", str(junit))
    assert code == 2, printed
    assert report["differences"] == 0
    (one,) = report["unclear"]
    assert "the ported stack: no reply within 10 s" in one["why"]
    assert "Could not tell" in printed
    assert "could not tell" in junit.read_text()
    done = shop.parity_plain("report", str(shop.folder / "report.json"))
    assert "could not tell of 1 request" in done.stdout


def test_a_failure_of_the_port_is_never_green_though_it_shows_once(shop: Shop) -> None:
    trouble(shop, "fail", 1)
    code, report, printed = shop.report("-j", "items")
    assert code == 2, printed
    assert report["differences"] == 0
    (one,) = report["unclear"]
    assert "the port answered 503 once in" in one["why"]
    assert not report["retried"]
    baseline = shop.folder / "baseline.json"
    gate = "gate", str(shop.folder / "report.json"), "--baseline", str(baseline)
    assert shop.parity_plain(*gate, "--update").returncode == 0
    judged = shop.parity_plain(*gate)
    assert judged.returncode == 2, judged.stdout
    assert "the port answered 503" in judged.stdout
    assert shop.parity_plain(*gate, "--allow-unclear").returncode == 0


def test_a_reply_that_differs_once_is_neither_the_same_nor_different(shop: Shop) -> None:
    trouble(shop, "lie", 1)
    code, report, printed = shop.report("-j", "items")
    assert code == 2, printed
    assert report["differences"] == 0
    (one,) = report["unclear"]
    assert "differed once in 3 replays" in one["why"]


def test_a_moment_may_be_late_by_what_the_reply_took_and_no_more() -> None:
    rule = Rule("**", RuleKind.TIMESTAMP)
    late = Window(1000.0, 1000.0, 1, 0.1, 20.0)
    assert Correspondence().check(rule, 1000.0, 1019.0, late) is None
    assert Correspondence().check(rule, 1000.0, 1026.0, late)
    assert Correspondence().check(rule, 1019.0, 1000.0, late), "the other side was not late"
    assert Correspondence().check(rule, 1000.0, 1019.0, Window(1000.0, 1000.0, 1, 0.1, 0.1))


@contextmanager
def answering_early() -> Iterator[tuple[str, list[int]]]:
    """A server that answers 500 before it has read the body, and takes the rest for another request."""
    counts: list[int] = []

    def serve(connection: socket.socket) -> None:
        number = len(counts)
        counts.append(0)
        with connection:
            while connection.recv(120):
                counts[number] += 1
                status = b"500 Oops" if counts[number] == 1 and number == 0 else b"200 OK"
                connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", counts


def test_a_connection_is_not_used_again_after_a_failure() -> None:
    with answering_early() as (url, connections):
        world = World(Side.PORTED, RunningStack(Side.PORTED, url), None)
        first = world.send(Request("POST", "/a", (("Content-Type", "text/plain"),), b"x" * 5000))
        second = world.send(Request("PUT", "/b", (), b"y"))
        world.client.close()
    assert (first.status, second.status) == (500, 200)
    assert len(connections) == 2


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _tree(int(child)))]


@pytest.mark.postgresql
def test_a_database_that_pauses_is_no_difference(shop: Shop) -> None:
    """Stopped in the middle of a run, for longer than a stack may take to answer."""
    shop.change("parity.toml", 'name = "Shop"', 'name = "Shop"\ntimeout = 3')
    steps = "\n".join(
        f"  - as: admin\n    request: POST /items/\n    json: {{name: a{n}, price: {n}}}"
        for n in range(200)
    )
    (shop.folder / "journeys" / "many.yaml").write_text(f"name: many\nsteps:\n{steps}\n")
    file = shop.folder / "report.json"
    words = [
        "--config",
        str(shop.folder / "parity.toml"),
        "--database",
        "postgresql",
        "-j",
        "many",
        "-v",
    ]
    # short: the server's socket lies in it
    place = Path(tempfile.mkdtemp(prefix="pause-"))
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "parity_tests.cli", "run", *words, "--json", str(file)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "TMPDIR": str(place)},
    )  # fmt: skip
    assert process.stdout
    keep_step(process)
    printed: list[str] = []
    paused = False
    for line in process.stdout:
        printed.append(line)
        if (
            not paused
            and "POST /items/" in line
            and sum("POST /items/" in p for p in printed) == 40
        ):
            paused = True
            # beside the reading: who waits for a reader asks nothing, and would not notice
            pausing = threading.Thread(target=_pause, args=(place, 8))
            pausing.start()
    code = process.wait(600)
    assert paused, "".join(printed)
    pausing.join()
    assert code == 0, "".join(printed[-40:])
    shutil.rmtree(place, ignore_errors=True)
    report: dict[str, Any] = json.loads(file.read_text())
    assert report["differences"] == 0
    assert report["retried"], "the pause was noticed"


def _pause(folder: Path, seconds: float) -> None:
    """Stops the server of databases whose data lie in the folder."""
    stopped = [one for pid in _servers(folder) for one in _tree(pid)]
    assert stopped
    # a connection's process may end by itself meanwhile
    for one in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGSTOP)
    time.sleep(seconds)
    for one in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGCONT)


def _servers(folder: Path) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "-D" in words and Path(words[words.index("-D") + 1]).is_relative_to(folder):
            yield int(process.name)
