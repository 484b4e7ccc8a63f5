"""What a drill counts and how it finds faults. The whole of it is a command: `cutover rehearse --faults`."""

import asyncio
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from rich.console import Console
from starlette.types import Message, Receive, Scope, Send

from cornflow_cutover.rehearsal.command import rehearse
from cornflow_cutover.rehearsal.faults import table
from cornflow_cutover.rehearsal.faults.catalogue import FAULTS, chosen
from cornflow_cutover.rehearsal.faults.clock import JumpingClock, library
from cornflow_cutover.rehearsal.faults.disk import LimitedFiles, SmallDisk
from cornflow_cutover.rehearsal.faults.planted import EarlyReply
from cornflow_cutover.rehearsal.faults.processes import descendants, is_there
from cornflow_cutover.rehearsal.faults.tally import FaultTally, Write, WriteFate, counted
from cornflow_cutover.rehearsal.faults.writers import CASE, Writers

NOW = 1_795_000_000.0


def _write(name: str, fate: WriteFate) -> Write:
    return Write("cases", name, fate, NOW, "ported", 201)


def _tally(rows: list[str], *writes: Write) -> FaultTally:
    tally = FaultTally("kill-worker", "kill -9", list(writes), back_after=1.0)
    tally.rows = counted([("cases", name) for name in rows], "r-")
    return tally


ACKNOWLEDGED = _write("r-1", WriteFate.ACKNOWLEDGED)
REFUSED = _write("r-2", WriteFate.REFUSED)
CUT = _write("r-3", WriteFate.CUT)


def test_a_row_that_was_acknowledged_and_is_not_there_is_lost() -> None:
    assert _tally(["r-1"], ACKNOWLEDGED).good
    lost = _tally([], ACKNOWLEDGED)
    assert lost.lost == ["cases r-1 by ported"]
    assert not lost.good


@pytest.mark.parametrize("write", [ACKNOWLEDGED, REFUSED, CUT])
def test_a_row_that_is_there_twice_is_doubled_whatever_was_answered(write: Write) -> None:
    doubled = _tally([write.name] * 2, write)
    assert doubled.doubled == [f"cases {write.name} 2 times"]
    assert not doubled.good


def test_what_was_not_acknowledged_may_be_there_or_not() -> None:
    tally = _tally(["r-2", "another's"], REFUSED, CUT)
    assert tally.good
    assert tally.unacknowledged == 1
    assert (tally.count(WriteFate.REFUSED), tally.count(WriteFate.CUT)) == (1, 1)


def test_an_execution_without_a_result_and_writes_that_stay_away_are_wrong() -> None:
    tally = _tally(["r-1"], ACKNOWLEDGED)
    tally.unfinished = ["executions r-1 never got a result"]
    assert not tally.good
    tally = _tally(["r-1"], ACKNOWLEDGED)
    tally.back_after = None
    assert not tally.good


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    wrong = _tally(["r-3", "r-3"], ACKNOWLEDGED, CUT)
    missing = FaultTally("database", not_played="SQLite has no server")
    text = io.StringIO()
    table.show([wrong, missing, _tally(["r-1"], ACKNOWLEDGED)], Console(file=text, width=80))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    shown = text.getvalue()
    assert "WRONG" in shown
    assert "lost: cases r-1 by ported" in shown
    assert "doubled: cases r-3 2 times" in shown
    assert "database: not played: SQLite has no server" in shown
    assert json.loads(json.dumps(wrong.as_json()))["lost"] == ["cases r-1 by ported"]


def test_faults_are_chosen_by_name_and_by_group() -> None:
    assert chosen("all") == list(FAULTS)
    assert [one.name for one in chosen("kill, clock")] == [
        "kill-worker", "kill-parent", "kill-comparer", "kill-runner", "clock",
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"no fault is called disc: clock, database, disk, "):
        chosen("disc")
    listed = CliRunner().invoke(rehearse, ["--list"])
    assert [line.split()[0] for line in listed.output.splitlines()] == [one.name for one in FAULTS]
    refused = CliRunner().invoke(rehearse, ["--faults", "disc"])
    assert refused.exit_code == 2


class Hung:
    """A stack whose client gives up: it does what was asked, and the reply comes too late."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []
        self.enough = asyncio.Event()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/login/":
            return httpx.Response(200, json={"token": "t"})
        self.names.append(("cases", json.loads(request.content)["name"]))
        if len(self.names) > 4:
            self.enough.set()
        raise httpx.ReadTimeout("too late", request=request)


@pytest.mark.parametrize("resends", [False, True])
def test_a_client_that_asks_again_without_looking_is_found_as_doubled(
    monkeypatch: pytest.MonkeyPatch, resends: bool
) -> None:
    stack = Hung()
    client = httpx.AsyncClient(transport=httpx.MockTransport(stack))
    monkeypatch.setattr(httpx, "AsyncClient", lambda **_: client)
    writers = Writers("http://bridge", "r-", ["ana"], resends=resends, kinds=(CASE,))

    async def play() -> None:
        async with writers.writing():
            async with asyncio.timeout(60):
                await stack.enough.wait()

    asyncio.run(play())
    tally = FaultTally("hang", writes=writers.writes, rows=counted(stack.names, "r-"), back_after=0)
    assert tally.count(WriteFate.CUT) >= 2
    assert bool(tally.doubled) is resends
    assert tally.good is not resends


def test_the_planted_port_acknowledges_before_it_writes() -> None:
    written: list[bytes] = []

    async def port(scope: Scope, receive: Receive, send: Send) -> None:
        written.append((await receive())["body"])

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def play() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"{}"}

        scope = {"type": "http", "method": "POST", "path": "/case/"}
        await EarlyReply(port)(scope, receive, send)
        assert sent[0]["status"] == 201
        assert written == [], "a kill now loses it"

    asyncio.run(play())


@contextmanager
def _python(code: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


_WRITES = """
import sys
file = open(sys.stdin.readline().strip(), "ab", buffering=0)
for line in sys.stdin:
    try:
        print("written", file.write(bytes(4096)))
    except OSError as error:
        print("refused", error.errno)
"""


def _ask(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process.stdout.readline().split()[0]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of other processes: Linux")
def test_a_limit_of_file_sizes_stands_for_a_full_disk_and_is_lifted(tmp_path: Path) -> None:
    with _python(_WRITES) as process:
        assert process.stdin is not None
        process.stdin.write(f"{tmp_path / 'grows'}\n")
        assert _ask(process, "first") == "written"
        disk = LimitedFiles(lambda: [process.pid], lambda: 4096)
        disk.fill()
        assert _ask(process, "full") == "refused"
        disk.free()
        assert _ask(process, "free") == "written"


def test_a_small_disk_is_filled_to_its_last_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            if self.tell() > 3 << 20:
                raise OSError(28, "No space left on device")
            return super().write(data)  # type: ignore[arg-type]

    opened = []

    def open_(self: Path, *_: object, **__: object) -> Full:
        opened.append(Full())
        return opened[-1]

    monkeypatch.setattr(Path, "open", open_)
    SmallDisk(tmp_path).fill()
    assert len(opened) == 1


_CLOCK = """
import sys, time
from pathlib import Path
if sys.argv[1:]:
    from cornflow_cutover.rehearsal.faults.clock import hook
    hook(Path(sys.argv[1]))
for line in sys.stdin:
    print(time.time(), time.monotonic())
"""


@pytest.mark.parametrize("means", ["hook", "libfaketime"])
def test_the_wall_clock_jumps_and_the_other_does_not(tmp_path: Path, means: str) -> None:
    faked = library() if means == "libfaketime" else None
    if means == "libfaketime" and faked is None:
        pytest.skip("libfaketime is not here: apt-get install libfaketime")
    clock = JumpingClock(tmp_path / "clock", faked)
    assert clock.how.split()[0] in (f"{means}:", "a")
    code = _CLOCK.replace("sys.argv[1:]", repr([str(tmp_path / "clock")] if not faked else []))
    code = code.replace("sys.argv[1]", repr(str(tmp_path / "clock")))
    with _python(code, **clock.environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ahead() -> float:
            process.stdin.write("\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            wall, monotonic = process.stdout.readline().split()  # type: ignore[union-attr]
            assert abs(float(monotonic) - time.monotonic()) < 300
            return float(wall) - time.time()

        assert abs(ahead()) < 300
        for jump in (7200, -3600):
            clock.jump(jump)
            deadline = time.monotonic() + 60
            while abs(ahead() - jump) > 300:
                assert time.monotonic() < deadline
                time.sleep(0.2)


def test_children_are_known_by_what_they_run() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)  # inner'])"
    with _python(code) as process:
        deadline = time.monotonic() + 60
        while not (inner := descendants(process.pid, "# inner")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert is_there(inner[0])
        with contextlib.suppress(ProcessLookupError):
            os.kill(inner[0], 9)
        process.wait(60)
        assert not is_there(process.pid)
