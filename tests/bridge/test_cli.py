"""The command `cutover` on the small pair: what it prints, what it returns, what it changes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from legacy_bridge.cli.main import main
from tests.bridge.following import obey

PAIR = "tests.bridge.pair_assembly:assemble"
Run = Callable[..., Result]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, modes_url: str) -> None:
    monkeypatch.setenv("CUTOVER_ASSEMBLY", PAIR)
    monkeypatch.setenv("PAIR_DATABASE_URL", modes_url)
    monkeypatch.setenv("CUTOVER_TOKEN", "operator")


@pytest.fixture
def cutover(environment: None) -> Run:
    return lambda *words: CliRunner().invoke(main, list(words), catch_exceptions=False)


def test_set_status_history(cutover: Run) -> None:
    done = cutover("set", "GET /thing/", "ported", "--by", "ann", "--why", "[bold]ready")
    assert (done.exit_code, done.output) == (0, "GET /thing/: legacy -> ported\n")
    assert "already ported" in cutover("set", "GET /thing/", "ported").output
    shown = cutover("status")
    assert shown.exit_code == 0
    assert "[bold]ready" in shown.output, "what people write is not taken for markup"
    assert "4 of" in shown.output
    found = json.loads(cutover("status", "--json").output)
    assert {one["operation"]: one["mode"] for one in found["operations"]}["GET /thing/"] == "ported"
    (change,) = json.loads(cutover("history", "--json").output)["history"]
    assert (change["changed_by"], change["from"], change["to"]) == ("ann", "legacy", "ported")
    assert "ann" in cutover("history").output


def test_sets_many_at_once(cutover: Run) -> None:
    assert cutover("set", "all-ported", "ported").output.count("legacy -> ported") == 4
    assert cutover("set", "* /thing/*", "legacy").output.count("ported -> legacy") == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("set", "GET /things/", "ported"), "near: 'GET /thing/'"),
        (("set", "PUT /thing/<int:idx>/", "ported"), "does not implement"),
        (("set", "*", "ported"), "does not implement"),
        (("set", "GET /thing/", "dreaming"), "'dreaming' is not a mode"),
        (("--assembly", "tests.nowhere:x", "status"), "can't be loaded"),
        (("--assembly", "tests.bridge.pair_assembly:nothing", "status"), "can't be loaded"),
        (("--assembly", "tests.bridge.pair_assembly:assemble_nothing", "status"), "must return"),
        (
            ("--assembly", "tests.bridge.pair_assembly:assemble_badly", "serve", "--port", "0"),
            "/new/",
        ),
        (("serve", "--port", "0", "--legacy", "legacy:80"), "http(s):// address"),
    ],
)
def test_what_can_not_be_done_ends_with_2_and_words(
    cutover: Run, words: tuple[str, ...], says: str
) -> None:
    done = cutover(*words)
    assert done.exit_code == 2
    assert says in done.output


def test_nothing_is_changed_when_part_of_it_can_not_be(cutover: Run) -> None:
    cutover("set", "* /thing/*", "ported")
    assert json.loads(cutover("history", "--json").output)["history"] == []


def test_census(cutover: Run) -> None:
    done = cutover("census", "--json")
    found = json.loads(done.output)
    assert done.exit_code == 0
    assert found["operations_ported"] == 4
    assert found["operations_total"] == len(found["operations"])
    assert "4 ported" in cutover("census").output
    bad = cutover("--assembly", "tests.bridge.pair_assembly:assemble_badly", "census")
    assert bad.exit_code == 1
    assert "GET /new/ is ported, but" in bad.output


def test_a_database_that_is_away_is_told(cutover: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIR_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    done = cutover("status")
    assert done.exit_code == 2
    assert "unable to open" in done.output


def test_a_port_in_use_is_told(cutover: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = cutover("serve", "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 2
    assert "choose another with --port" in done.output


@contextmanager
def serving(port: int, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "legacy_bridge.cli", "serve", "--port", str(port), *words]
    process = subprocess.Popen(command, env=dict(os.environ))
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, "the bridge did not start"
            assert time.monotonic() < deadline, "the bridge does not start"
            try:
                httpx.get(f"http://127.0.0.1:{port}/_cutover/health", timeout=5)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def served_by_all(url: str, count: int = 30) -> set[str]:
    """The answers of many connections: with several workers, of all of them."""
    return {httpx.get(f"{url}/thing/").headers["x-served-by"] for _ in range(count)}


def workers(url: str, count: int) -> set[int]:
    """The processes that answer, once there are as many."""
    found: set[int] = set()
    deadline = time.monotonic() + 60
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {found} answer"
        headers = {"Authorization": "Bearer operator"}
        found.add(httpx.get(f"{url}/_cutover/health", headers=headers).json()["worker"])
    return found


def test_all_workers_obey_within_two_seconds(cutover: Run, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    with serving(free_port, "--workers", "2") as process:
        found = workers(url, 2)
        for mode in ("ported", "legacy"):
            assert cutover("set", "GET /thing/", mode).exit_code == 0
            obey(url, "/thing/", mode)
        assert workers(url, 2) == found, "both have answered all the time"
    assert process.returncode == 0
    assert not [pid for pid in found if is_running(pid)]


def test_workers_end_when_their_supervisor_is_killed(cutover: Run, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    with serving(free_port, "--workers", "2") as process:
        found = workers(url, 2)
        process.kill()
        deadline = time.monotonic() + 60
        while any(is_running(pid) for pid in found):
            assert time.monotonic() < deadline, "a worker outlives its supervisor"
            time.sleep(0.1)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", free_port))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_worker_compares_with_a_legacy_elsewhere(
    cutover: Run, free_port: int, upstream: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the command line says reaches the process that compares, with one worker too."""
    monkeypatch.setenv("CUTOVER_ASSEMBLY", "tests.bridge.pair_assembly:assemble_for_pairs")
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    with serving(free_port, "--legacy", upstream, "--default-mode", "shadow") as process:
        deadline = time.monotonic() + 90
        while not (tmp_path / "notes").exists():
            assert time.monotonic() < deadline, "no pair was compared"
            reply = httpx.get(f"http://127.0.0.1:{free_port}/thing/")
            assert (reply.status_code, reply.headers["x-served-by"]) == (200, "legacy")
            time.sleep(0.2)
        pid, in_process, *operation = (tmp_path / "notes").read_text().splitlines()[0].split()
        assert (in_process, operation) == ("False", ["GET", "/thing/"])
        assert int(pid) != process.pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_worker_stops_cleanly(cutover: Run, free_port: int, number: signal.Signals) -> None:
    with serving(free_port, "--default-mode", "ported", "--allow-force") as process:
        url = f"http://127.0.0.1:{free_port}"
        assert served_by_all(url, 1) == {"ported"}
        forced = httpx.get(f"{url}/thing/", headers={"X-Force-Stack": "legacy"})
        assert forced.headers["x-served-by"] == "legacy"
        # The command line knows the mode that the server was told.
        assert json.loads(cutover("status", "--json").output)["default_mode"] == "ported"
        process.send_signal(number)
        assert process.wait(60) == 0
