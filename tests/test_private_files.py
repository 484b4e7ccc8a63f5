"""Files that hold data or keys are their owner's alone, whatever the umask is; no password is on a command line."""

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cornflow_cutover.up.data_folder import DataFolder
from cornflow_cutover.up.steps import run
from cornflow_f.cli import main as port_command
from cornflow_f.database.engine import create_engine
from cornflow_f.services import execution_files
from legacy_bridge.capture.files import CaptureFiles
from legacy_bridge.database.connection import Database
from legacy_bridge.telemetry.metrics import Metrics
from legacy_bridge.telemetry.shared_metrics import SharedMetrics
from parity_core import private
from parity_core.capture.fingerprint import open_key
from parity_tests.capture.state import State
from parity_tests.mutants.generated.ledger import MutantLedger
from parity_tests.report.save import save

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def no_umask() -> Iterator[None]:
    """Everything is open to everybody, unless the code says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """What below the folder somebody else may read or write."""
    return [
        f"{path.relative_to(folder)}: {stat.filemode(path.stat().st_mode)}"
        for path in sorted(folder.rglob("*"))
        if path.stat().st_mode & 0o077
    ]


def test_the_check_itself_sees_an_open_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert open_to_others(tmp_path) == ["file: -rw-rw-rw-"]


async def test_databases_with_their_logs(tmp_path: Path) -> None:
    bridge = Database(f"sqlite:///{tmp_path}/bridge.db")
    port = create_engine(f"sqlite:///{tmp_path}/port.db")
    await bridge.create()
    async with port.begin() as connection:
        await connection.execute(text("CREATE TABLE a (b)"))
        names = set(os.listdir(tmp_path))
        assert {"bridge.db", "port.db", "port.db-wal"} <= names
        assert open_to_others(tmp_path) == []
    await bridge.close()
    await port.dispose()


def test_captures_and_their_key(tmp_path: Path) -> None:
    open_key(tmp_path / "captures")
    file = CaptureFiles(tmp_path / "captures", 1024, 3, False, {})
    file.close()
    assert len(list((tmp_path / "captures").iterdir())) == 2
    assert open_to_others(tmp_path) == []


def test_what_a_replay_keeps(tmp_path: Path) -> None:
    state = State(tmp_path / "replay.state", tmp_path, with_copies=True)
    assert (tmp_path / "replay.state").exists()
    assert open_to_others(tmp_path) == []
    state.store.connection.close()


def test_reports_recordings_and_counts(tmp_path: Path) -> None:
    save(tmp_path / "report.html", "replies of the application")
    MutantLedger(tmp_path / ".parity" / "mutants.jsonl", {"seed": 1})
    private.make_folder(tmp_path / "metrics")
    SharedMetrics(Metrics(), tmp_path / "metrics").write()
    assert len(list((tmp_path / "metrics").iterdir())) == 1
    assert open_to_others(tmp_path) == []


def test_a_report_that_somebody_has_shared_stays_shared(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.touch()
    save(report, "new")
    assert open_to_others(tmp_path) == ["report.html: -rw-rw-rw-"]


def test_the_data_folder(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.take()
    folder.secrets()
    folder.remember(seeded=True)
    folder.write_shell_file({})
    run("cornflow_f.cli", "migrations", "upgrade", environment=folder.environment(folder.start_draft()))  # fmt: skip
    folder.finish_draft()
    folder.release()
    assert (tmp_path / "data" / "cornflow.db").stat().st_size > 0
    assert open_to_others(tmp_path) == []


def test_a_data_folder_of_an_earlier_version_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "secrets.json").write_text("{}")
    (data / "cornflow.db").touch()
    folder = DataFolder(data)
    folder.take()
    folder.release()
    assert open_to_others(tmp_path) == []


def test_a_folder_of_somebody_elses_stays_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    folder = DataFolder(shared)
    folder.take()
    folder.release()
    assert open_to_others(tmp_path) == ["shared: drwxrwxrwx"]


def test_settings_that_are_written_over_an_open_file(tmp_path: Path) -> None:
    (tmp_path / "config.cfg").touch()
    done = CliRunner().invoke(
        port_command,
        ["config", "save", "-p", f"{tmp_path}/", "--show-secrets"],
        env={"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "SECRET_KEY": "k" * 40},
    )
    assert done.exit_code == 0, done.output
    assert open_to_others(tmp_path) == []


def test_archives_of_executions(tmp_path: Path) -> None:
    import io
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a", "b")
    execution_files._write(tmp_path / "files" / "x.zip", "x.zip", content)
    assert open_to_others(tmp_path) == []


def test_the_runners_folder(tmp_path: Path) -> None:
    """It is a program of its own: all that it and its workers write is closed by its umask."""
    program = (
        "import sys, uvicorn\n"
        "from pathlib import Path\n"
        "from types import SimpleNamespace\n"
        "from embedded_runner import server\n"
        "server.build = lambda settings: None\n"
        "def run(self):\n"
        "    self.started = True\n"
        "    Path(sys.argv[1], 'runner', 'x').touch()\n"
        "uvicorn.Server.run = run\n"
        "server.serve(SimpleNamespace(data=Path(sys.argv[1], 'runner'), host='127.0.0.1', port=0))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=ROOT)
    assert {path.name for path in (tmp_path / "runner").iterdir()} == {"x", "lock"}
    assert open_to_others(tmp_path) == []


# --- command lines ---


class CommandLines:
    """All that processes of this machine show while it watches, as `ps` would."""

    def __enter__(self) -> "CommandLines":
        self.lines: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                self.lines.add(line)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc on this system")
def test_no_password_is_on_the_command_line_of_a_child(tmp_path: Path) -> None:
    """What `cutover up` starts to make its users, who have the passwords that were made for them."""
    from rich.console import Console

    from cornflow_cutover.up.seed import seed

    folder = DataFolder(tmp_path / "data")
    folder.take()
    with CommandLines() as watched:
        seed(folder, "Chosen-by-hand-1!", Console(quiet=True))
    folder.release()
    lines = [line for line in watched.lines if "cornflow_f.cli users create" in line]
    assert lines, "the children were not seen"
    secrets = [
        "Chosen-by-hand-1!",
        *json.loads((folder.path / "secrets.json").read_text()).values(),
    ]
    assert [line for line in watched.lines if any(one in line for one in secrets)] == []


def test_no_command_of_the_comparison_has_a_password() -> None:
    """They are in the environment; the commands name the variables."""
    file = (ROOT / "parity_tests" / "cornflow" / "parity.toml").read_text(encoding="utf-8")
    passwords = set(re.findall(r'^(?:password|SEED_\w+) = "(.+)"$', file, re.MULTILINE))
    assert len(passwords) >= 4
    commands = [line for line in file.splitlines() if line.lstrip().startswith(("[", '"'))]
    assert [line for line in commands if any(one in line for one in passwords)] == []


async def test_to_open_a_database_again_takes_no_lock_away(tmp_path: Path) -> None:
    """POSIX: who closes any handle of a file loses all locks of the process on it, and another may write in between."""
    import sqlite3

    file = tmp_path / "one.db"
    bridge = Database(f"sqlite:///{file}")
    await bridge.create()
    port = create_engine(f"sqlite:///{file}")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("CREATE TABLE held (n)")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("INSERT INTO held VALUES (1)")
    private.make_database(file)
    for engine in (port, create_engine(f"sqlite:///{file}", busy_timeout_ms=10)):
        with pytest.raises(Exception, match="locked"):
            async with engine.begin() as connection:
                await connection.execute(text("CREATE TABLE other (n)"))
        await engine.dispose()
    await Database(f"sqlite:///{file}").close()
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], timeout=0.2)\n"
        "connection.execute('INSERT INTO held VALUES (2)')\n"
        "connection.commit()\n"
    )
    words = [sys.executable, "-c", script, str(file)]
    done = await asyncio.to_thread(
        subprocess.run, words, capture_output=True, text=True, check=False
    )
    assert "locked" in done.stderr, "another process wrote under our lock"
    holder.execute("COMMIT")
    holder.close()
    await bridge.close()
