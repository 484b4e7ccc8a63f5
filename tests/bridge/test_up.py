"""The newcomer's command: killed anywhere and run again, it must bring everything up."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from legacy_bridge.cornflow.data import DataError, DataFolder, fingerprint, new_password
from tests.bridge.cornflow_stack import free_port, process

pytestmark = pytest.mark.legacy


def up(data: Path, *words: str) -> list[str]:
    return [
        sys.executable, "-m", "legacy_bridge.cli", "up", "--data", str(data),
        "--port", str(free_port()), "--skip-parity", *words,
    ]  # fmt: skip


def finish(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_from_nothing_to_an_answer_of_each_stack_and_once_more(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = finish(up(data, "--check"))
    assert first.returncode == 0, first.stderr
    assert "X-Served-By: ported" in first.stdout
    assert "X-Served-By: legacy" in first.stdout
    password = first.stdout.split("password (shown only now): ")[1].split()[0]
    for name in ("secrets.json", "environment.sh"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600

    second = finish(up(data, "--check", "--admin-password", "Too-late-1!"))
    assert second.returncode == 0, second.stderr
    assert "data of an earlier start" in second.stdout
    assert "no effect" in second.stdout
    assert "shown only now" not in second.stdout

    port = free_port()
    command = [*up(data), "--port", str(port)]
    with process(command, f"http://127.0.0.1:{port}", os.environ) as serving:
        known = {"username": "admin", "password": password}
        login = httpx.post(f"http://127.0.0.1:{port}/login/", json=known)
        assert (login.status_code, login.headers["x-served-by"]) == (200, "ported")
        other = finish(up(data, "--check"))
        assert other.returncode == 2
        assert "another `cutover up` uses" in other.stderr
        serving.send_signal(signal.SIGINT)
        assert serving.wait(30) == 0


def test_killed_in_the_middle_and_run_again(tmp_path: Path) -> None:
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
    again = finish(up(data, "--check", "--admin-password", "Given-pw1!"))
    assert again.returncode == 0, again.stderr
    assert "Given-pw1!" not in again.stdout
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
    assert list(tmp_path.iterdir()) == []
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
