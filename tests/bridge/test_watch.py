"""`cutover watch`: what it shows, lines of JSON, leaving by Ctrl-C; `cutover acknowledge`; the server's own end."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from legacy_bridge.cli.main import main
from parity_tests.stage.process import free_port
from tests.bridge.operated import TOKEN


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "CUTOVER_ASSEMBLY": "tests.bridge.live_assembly:assemble",
        "LIVE_DATABASE_URL": f"sqlite:///{tmp_path / 'modes.db'}",
        "LIVE_BUG": str(tmp_path / "bug"),
        "CUTOVER_TOKEN": TOKEN,
    }


@pytest.fixture
def cutover(environment: dict[str, str]) -> CliRunner:
    return CliRunner(env=environment)


def run(cutover: CliRunner, *words: str) -> Result:
    return cutover.invoke(main, words)


def test_one_look_shows_what_needs_somebody_first(cutover: CliRunner) -> None:
    assert run(cutover, "set", "POST /note/", "canary", "5%", "--by", "ann").exit_code == 0
    assert run(cutover, "ramp", "start", "GET /other/", "--by", "bob").exit_code == 0
    assert run(cutover, "rollback", "GET /note/", "--why", "it is slow").exit_code == 0
    shown = run(cutover, "watch", "--once")
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert "0 of 3 operations on the port" in lines[0]
    assert "1 rolled back" in lines[0]
    assert any(one.startswith("ramp ■□□□□ GET /other/  canary 1%, running: ") for one in lines)
    places = [
        next(at for at, line in enumerate(lines) if line.startswith(name))
        for name in ("GET /note/", "POST /note/")
    ]
    assert places == sorted(places)
    assert "rolled back: it is slow" in lines[places[0]]
    assert "canary 5%" in lines[places[1]]
    assert any(": POST /note/: legacy → canary 5%" in one for one in lines)
    chosen = run(cutover, "watch", "--once", "--json", "note")
    (line,) = chosen.output.splitlines()
    found = json.loads(line)
    assert {one["operation"] for one in found["operations"]} == {"GET /note/", "POST /note/"}
    assert (found["modes"], found["history"][0]["why"]) == ("current", "it is slow")


def test_acknowledging_lifts_the_hold(cutover: CliRunner) -> None:
    assert run(cutover, "rollback", "GET /note/").exit_code == 0
    refused = run(cutover, "set", "GET /note/", "shadow")
    assert refused.exit_code == 2
    done = run(cutover, "acknowledge", "GET /note/", "--by", "ann", "--why", "mended", "--json")
    assert done.exit_code == 0
    assert json.loads(done.output)["changed"][0]["why"] == "mended"
    assert run(cutover, "set", "GET /note/", "shadow").exit_code == 0
    again = run(cutover, "acknowledge", "GET /note/")
    assert again.exit_code == 2
    assert "nothing to acknowledge" in again.output


def test_without_a_database_it_could_not_run(cutover: CliRunner, tmp_path: Path) -> None:
    assert cutover.env is not None
    elsewhere = dict(cutover.env) | {"LIVE_DATABASE_URL": f"sqlite:///{tmp_path}/no/such/modes.db"}
    done = CliRunner(env=elsewhere).invoke(main, ["watch", "--once"])
    assert done.exit_code == 2
    assert done.output.startswith("cutover: ")


def test_every_command_teaches() -> None:
    runner = CliRunner()
    for name, command in main.commands.items():
        words = [name] if not hasattr(command, "commands") else [name, next(iter(command.commands))]
        told = runner.invoke(main, [*words, "--help"])
        assert told.exit_code == 0
        assert len(told.output.splitlines()) > 5
    for name in ("status", "history", "census", "breaches", "watch"):
        assert "--json" in runner.invoke(main, [name, "--help"]).output


def test_ctrl_c_leaves_cleanly(environment: dict[str, str]) -> None:
    child, terminal = pty.fork()
    if child == 0:
        command = [sys.executable, "-m", "legacy_bridge.cli", "watch", "--interval", "0.2"]
        os.execve(sys.executable, command, os.environ | environment | {"TERM": "xterm"})
    shown = b""
    asked = False
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                break
        if not asked and shown.count(b"operations on the port") >= 2:
            os.write(terminal, b"\x03")
            asked = True
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert b"Traceback" not in shown
    # The screen of before, and the cursor, are back.
    assert shown.rstrip().endswith((b"\x1b[?1049l", b"\x1b[?25h"))
    assert b"\x1b[?1049l" in shown


def test_a_page_that_is_open_does_not_keep_the_server(environment: dict[str, str]) -> None:
    """The stream of news ends by itself; and all that was logged are lines of JSON."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = ["serve", "--port", str(port), "--log", "json", "--access-log"]
    process = subprocess.Popen(
        [sys.executable, "-m", "legacy_bridge.cli", *words],
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    logged: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: logged.extend(process.stderr or ()))
    reader.start()
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{url}/_cutover/health", timeout=20)
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        httpx.get(f"{url}/other/", headers={"X-Request-ID": "mine"})
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.stream("GET", f"{url}/_cutover/events", headers=headers, timeout=60) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 2000"
            assert next(one for one in lines if one) == "event: overview"
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            list(lines)
        process.wait(60)
        # The server itself would wait for half a minute.
        assert time.monotonic() - began < 25
    finally:
        process.kill()
        reader.join()
    found = [json.loads(line) for line in logged]
    (access,) = [one for one in found if one["logger"] == "legacy_bridge.access"]
    assert (access["request_id"], access["operation"], access["stack"]) == (
        "mine",
        "GET /other/",
        "legacy",
    )
    assert any(one["logger"] == "uvicorn.error" for one in found)
