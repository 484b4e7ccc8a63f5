"""The newcomer's command: killed anywhere and run again, it must bring everything up."""

import fcntl
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cornflow_cutover.up.data_folder import DataError, DataFolder, fingerprint, new_password
from cornflow_cutover.up.orchestrator import choose
from cornflow_cutover.up.steps import UpError
from parity_tests.stage.process import free_port

pytestmark = pytest.mark.legacy


def up(data: Path, *words: str) -> list[str]:
    return [
        sys.executable, "-m", "legacy_bridge.cli", "up", "--data", str(data),
        "--port", str(free_port()), "--skip-parity", *words,
    ]  # fmt: skip


def finish(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def test_a_newcomer_is_served_through_kills_of_everything(tmp_path: Path) -> None:
    data = tmp_path / "data"
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [*up(data, "--admin-password", "Given-pw1!"), "--port", str(port)]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with killed, ended(killed):
        assert "Given-pw1!" not in wait_for(killed, "serving at")
        told = newcomer(address, "admin", "Given-pw1!")
        assert "state: 1" in told
        assert "boots = 1.0" in told
        other = finish(up(data, "--check"))
        assert other.returncode == 2
        assert "another `cutover up` uses" in other.stderr

    # What the killed one left does not stand in the way of the next.
    again = [*up(data, "--admin-password", "Too-late-1!"), "--port", str(port)]
    serving = subprocess.Popen(again, stdout=subprocess.PIPE, text=True)
    with serving, ended(serving):
        before = wait_for(serving, "serving at")
        assert "data of an earlier start" in before
        assert "no effect" in before
        assert "shown only now" not in before
        assert "solution:" in newcomer(address, "ada", "Engine-1843!")
        serving.send_signal(signal.SIGINT)
        assert serving.wait(60) == 0
        with (data / "runner" / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def newcomer(address: str, user: str, password: str) -> str:
    script = Path(__file__).parents[2] / "examples" / "newcomer.py"
    done = finish([sys.executable, str(script), address, user, password])
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_for(started: subprocess.Popen[str], words: str) -> str:
    """What it printed until then."""
    assert started.stdout is not None
    said = ""
    for line in started.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"ended before it said {words!r}:\n{said}")


@contextmanager
def ended(started: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        started.kill()


def test_a_given_airflow_is_used_unless_it_is_the_runner_of_the_last_start(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    airflow = choose(folder, "http://airflow.example:8080", 0)
    assert (airflow.url, airflow.embedded) == ("http://airflow.example:8080", False)
    port = free_port()
    own = choose(folder, None, port)
    assert (own.url, own.embedded) == (f"http://127.0.0.1:{port}", True)
    # A shell that sourced environment.sh has it in AIRFLOW_URL.
    assert choose(folder, own.url, 0) == own
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert choose(folder, None, 0).url != own.url
        with pytest.raises(UpError, match="--runner-port"):
            choose(folder, None, port)


def test_killed_in_the_middle_and_checked_from_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    killed = subprocess.Popen(
        up(data, "--check"), stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not any(data.glob("cornflow.db.unfinished")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(30)
    assert not (data / "cornflow.db").exists()
    again = finish(up(data, "--check"))
    assert again.returncode == 0, again.stderr
    assert "X-Served-By: ported" in again.stdout
    assert "X-Served-By: legacy" in again.stdout
    assert "solve_model_dag, graph_coloring" in again.stdout
    assert "state 1 (solved)" in again.stdout
    assert "log: Solving the model" in again.stdout
    assert "Warning" not in again.stderr
    for name in ("secrets.json", "environment.sh"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    assert "shown only now" in again.stdout
    assert [file.name for file in data.glob("*unfinished*")] == []


def test_a_port_in_use_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = finish([*up(tmp_path / "data"), "--port", str(taken.getsockname()[1])])
    assert done.returncode == 2
    assert "choose another with --port" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_draft_becomes_a_database_whole(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    (tmp_path / "cornflow.db.unfinished-wal").write_text("left by a killed start")
    draft = folder.start_draft()
    assert list(tmp_path.iterdir()) == [draft], "an empty one, its owner's alone"
    connection = sqlite3.connect(draft)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE x (y)")
    connection.commit()
    folder.finish_draft()
    connection.close()
    with sqlite3.connect(folder.database) as found:
        assert found.execute("SELECT count(*) FROM x").fetchone() == (0,)
    assert folder.is_seeded


def test_the_folder_remembers_and_survives_nonsense(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.remembered() == {}
    folder.remember(one=1)
    folder.remember(two=2)
    assert folder.remembered() == {"one": 1, "two": 2}
    (tmp_path / "state.json").write_text("{half a f")
    assert folder.remembered() == {}
    known = folder.secrets()
    assert DataFolder(tmp_path).secrets() == known
    (tmp_path / "secrets.json").write_text(json.dumps({"secret_key": "x"}))
    with pytest.raises(DataError, match="put it right, or delete"):
        folder.secrets()


def test_the_fingerprint_changes_with_any_source(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = fingerprint([tmp_path])
    assert fingerprint([tmp_path]) == before
    (tmp_path / "a.py").write_text("2")
    assert fingerprint([tmp_path]) != before


def test_made_passwords_pass_the_rules() -> None:
    for _ in range(50):
        word = new_password()
        assert any(c.islower() for c in word)
        assert any(c.isupper() for c in word)
        assert any(c.isdigit() for c in word)
        assert any(c in "-_.!" for c in word)
