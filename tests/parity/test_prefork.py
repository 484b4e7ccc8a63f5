"""Starts forked from a process that has the imports: the same as those of a new interpreter, or none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parity_core.model import Side
from parity_tests.stage.prefork.pool import SWITCH, Pool, Program
from parity_tests.stage.prefork.process import ForkedProcess
from parity_tests.stage.process import ProcessStack, StackError, free_port
from tests.parity.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked on Linux only")

_REPORT = """
import json, os, sys
import heavy
print(json.dumps({"heavy": heavy.WORD, "stamp": heavy.STAMP, "pid": os.getpid(), "parent": os.getppid(),
                  "arguments": sys.argv[1:], "folder": os.getcwd(), "path": sys.path, "name": __name__,
                  "given": os.environ.get("GIVEN"), "hash": hash("text")}))
sys.exit(int(sys.argv[1]))
"""


class Workshop:
    """A package to import ahead, a program that uses it, and a pool."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = folder / "packages"
        self.cwd = folder / "cwd"
        self.packages.mkdir()
        self.cwd.mkdir()
        self.write(self.packages, "first")
        (self.packages / "program.py").write_text(_REPORT)
        self.pool = Pool()
        self.environment = {**os.environ, "PYTHONPATH": str(self.packages), "PYTHONHASHSEED": "0"}

    @staticmethod
    def write(folder: Path, word: str, more: str = "") -> None:
        # the stamp says when it was imported: forked processes have the same
        text = f"import time\nWORD = {word!r}\nSTAMP = time.time()\n{more}\n"
        (folder / "heavy.py").write_text(text)

    def program(self, *arguments: str, paths: tuple[Path, ...] = (), **more: str) -> Program:
        path = os.pathsep.join([*map(str, paths), str(self.packages)])
        environment = {**self.environment, **more, "PYTHONPATH": path}
        command = [sys.executable, "-m", "program", *(arguments or ("0",))]
        return Program(command, environment, paths, ("heavy", "decimal"))

    def forked(self, program: Program) -> ForkedProcess | None:
        self.log = self.folder / "log"
        self.log.unlink(missing_ok=True)
        return self.pool.start(program, self.cwd, self.log)

    def run(self, program: Program) -> dict[str, Any]:
        process = self.forked(program)
        assert process is not None
        process.wait(60)
        return dict(json.loads(self.log.read_text()))

    def run_plain(self, program: Program) -> dict[str, Any]:
        done = subprocess.run(
            program.command,
            env=dict(program.environment),
            cwd=self.cwd,
            capture_output=True,
            check=False,
        )
        return dict(json.loads(done.stdout))


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.pool.close()


def test_a_forked_program_is_what_a_new_interpreter_is(workshop: Workshop) -> None:
    program = workshop.program("0", "--word", "a b", GIVEN="yes")
    forked, plain = workshop.run(program), workshop.run_plain(program)
    for one in (forked, plain):
        for key in ("pid", "parent", "stamp"):
            del one[key]
    assert forked == plain


def test_what_was_imported_is_shared_and_each_start_has_its_own_environment(
    workshop: Workshop,
) -> None:
    first, second = (workshop.run(workshop.program(GIVEN=word)) for word in ("one", "two"))
    assert first["stamp"] == second["stamp"]
    assert first["pid"] != second["pid"]
    assert (first["given"], second["given"]) == ("one", "two")


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_known(workshop: Workshop, code: int) -> None:
    process = workshop.forked(workshop.program(str(code)))
    assert process is not None
    assert process.wait(60) == code
    assert process.poll() == code


def test_a_changed_file_is_imported_anew(workshop: Workshop) -> None:
    first = workshop.run(workshop.program())
    workshop.write(workshop.packages, "second")
    second = workshop.run(workshop.program())
    assert (first["heavy"], second["heavy"]) == ("first", "second")


def test_a_folder_that_comes_first_is_never_hidden_by_an_import(workshop: Workshop) -> None:
    """A mutant's copy of the package: the one that was imported before would be the port without the bug."""
    usual = workshop.run(workshop.program())
    mutant = workshop.folder / "mutant"
    mutant.mkdir()
    for word in ("planted", "planted next"):
        workshop.write(mutant, word)
        planted = workshop.run(workshop.program(paths=(mutant,)))
        assert planted["heavy"] == word
        assert planted["path"][1] == str(mutant)
    assert usual["heavy"] == "first"


def test_a_module_in_the_folder_it_runs_in_is_not_hidden(workshop: Workshop) -> None:
    assert workshop.run(workshop.program())["heavy"] == "first"
    workshop.write(workshop.cwd, "nearer")
    assert workshop.forked(workshop.program()) is None
    assert workshop.run_plain(workshop.program())["heavy"] == "nearer"


def test_a_variable_that_an_import_read_must_be_the_same(workshop: Workshop) -> None:
    workshop.write(workshop.packages, "first", "import os\nos.environ.get('GIVEN')")
    assert workshop.run(workshop.program(GIVEN="one"))["given"] == "one"
    assert workshop.forked(workshop.program(GIVEN="two")) is None
    assert workshop.run(workshop.program(GIVEN="one"))["given"] == "one"


@pytest.mark.parametrize(
    "left",
    [
        "import threading\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
        "import socket\nleft = socket.socket()",
        "import sqlite3, tempfile\nleft = sqlite3.connect(tempfile.mktemp())\nleft.execute('create table a (b)')",
        "raise RuntimeError('not here')",
    ],
)
def test_an_import_that_leaves_something_running_or_open_is_not_forked(
    workshop: Workshop, left: str
) -> None:
    workshop.write(workshop.packages, "first", left)
    assert workshop.forked(workshop.program()) is None


def test_another_hash_seed_is_another_interpreter(workshop: Workshop) -> None:
    program = workshop.program(PYTHONHASHSEED="7")
    workshop.run(workshop.program())
    assert workshop.run(program)["hash"] == workshop.run_plain(program)["hash"]


def test_it_can_be_switched_off(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert workshop.forked(workshop.program()) is None


def test_only_a_module_is_run_and_no_interpreter_that_is_customised(workshop: Workshop) -> None:
    program = workshop.program()
    script = Program([sys.executable, "program.py", "0"], program.environment, (), ("heavy",))
    assert workshop.forked(script) is None
    custom = workshop.folder / "custom"
    custom.mkdir()
    (custom / "sitecustomize.py").write_text("")
    assert workshop.forked(workshop.program(paths=(custom,))) is None


def _failing(folder: Path, preload: tuple[str, ...]) -> str:
    (folder / "broken.py").write_text("import decimal\nraise SystemExit('no database here')\n")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "broken"]
    port = free_port()
    stack = ProcessStack(Side.PORTED, command, environment, port, folder, "/", 60, preload)
    try:
        with pytest.raises(StackError) as raised:
            stack.wait()
    finally:
        stack.stop()
    return str(raised.value).replace(str(port), "PORT")


def test_a_start_that_fails_is_described_alike(tmp_path: Path) -> None:
    forked, plain = _failing(tmp_path, ("decimal",)), _failing(tmp_path, ())
    assert forked == plain
    assert "ended with exit code 1" in plain
    assert "no database here" in plain


_PARENT = """
import sys, time
from pathlib import Path
from parity_tests.config import load
from parity_tests.journeys.model import Profile
from parity_tests.stage.databases import SqliteDatabases
from parity_tests.stage.stage import open_stage
folder = Path(sys.argv[2])
config = load(Path(sys.argv[1]))
made = SqliteDatabases(folder)
made.seed(config)
stage = open_stage(config, Profile(), made, "p", folder)
print(*(world.stack._process.pid for world in (stage.legacy, stage.ported)), flush=True)
time.sleep(600)
"""


def _group_runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _wait(until: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        time.sleep(0.1)
    return until()


@pytest.mark.parametrize("switch", ["1", "0"])
def test_nothing_outlives_a_parent_that_is_killed(shop: Any, switch: str) -> None:
    shop.change("parity.toml", "[ported]", 'preload = ["flask"]\n\n[ported]\npreload = ["fastapi"]')
    arguments = [str(shop.folder / "parity.toml"), str(shop.folder)]
    # whatever it starts has this in its environment
    mark = f"PARITY_MARK=of {shop.folder}"
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, *arguments],
        cwd=ROOT,
        env={**os.environ, SWITCH: switch, "PARITY_MARK": f"of {shop.folder}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    try:
        with parent.stdout:
            groups = [int(word) for word in parent.stdout.readline().split()]
        assert len(groups) == 2
        assert all(map(_group_runs, groups))
        assert len(_marked(mark)) >= 3
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    try:
        assert _wait(lambda: not any(map(_group_runs, groups)))
        assert _wait(lambda: not _marked(mark)), _marked(mark)
    finally:
        for pid in _marked(mark):
            os.kill(pid, signal.SIGKILL)


def _marked(mark: str) -> list[int]:
    """Processes whose environment had this when they were started."""
    marked = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                marked.append(int(folder.name))
        except OSError:
            continue
    return marked
