"""Whatever ends before its time: every execution comes to a final state, with a log that says why."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.runner.conftest import StartRunner
from tests.runner.world import World, until

pytestmark = pytest.mark.legacy


LONG = 8.0
"""Seconds of a solve that must not be over before a test has seen it begin and killed somebody."""


def is_done(world: World, execution: str) -> bool:
    return bool(world.run(execution)["phase"] == "done")


def log_of(world: World, execution: str) -> str:
    return str(world.log(execution)["log_text"] or "")


def gone(pid: int) -> bool:
    try:
        # a zombie is gone too: its parent has only not looked
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


TOLD = {
    "raise": "RuntimeError: this is a drill",
    "exit": "exit code 3",
    "kill": "SIGKILL",
    "abort": "SIGABRT",
    "wrong_solution": "does not match the schema",
    "no_json": "not JSON compliant",
}


def test_solvers_that_misbehave(world: World, start_runner: StartRunner) -> None:
    start_runner()
    started = {deed: world.drill(deed) for deed in TOLD}
    for deed, execution in started.items():
        assert world.end(execution) == -1, deed
        log = world.log(execution)["log_text"]
        assert TOLD[deed] in log
        assert f"drill: {deed}" in log, "what it printed is in the log"
        until(partial(is_done, world, execution), "the run is done")
        assert world.run(execution)["state"] == "failed"
        assert world.state(execution) == -1
    assert world.end(world.drill("solve")) == 1, "the next one is solved"


def test_a_worker_is_killed(world: World, start_runner: StartRunner) -> None:
    start_runner()
    execution = world.drill("solve", 60)
    os.kill(world.worker(execution), signal.SIGKILL)
    assert world.end(execution) == -1
    assert "ended by SIGKILL" in world.log(execution)["log_text"]


def test_the_runner_is_killed(world: World, start_runner: StartRunner) -> None:
    """What was being solved fails with a log after the restart, what waited is solved."""
    runner = start_runner("--workers", "1")
    solving = world.drill("solve", 60)
    worker = world.worker(solving)
    waiting = world.drill("solve")
    runner.kill()
    until(lambda: gone(worker), "the worker ends with its runner")
    assert world.stored_state(solving) == 0
    start_runner("--workers", "1")
    assert world.end(solving) == -1
    assert "the runner was stopped" in world.log(solving)["log_text"].lower()
    assert world.end(waiting) == 1


def test_the_runner_is_told_to_stop(world: World, start_runner: StartRunner) -> None:
    """It says so to Cornflow before it goes."""
    runner = start_runner()
    execution = world.drill("solve", 60)
    worker = world.worker(execution)
    runner.stop()
    assert gone(worker)
    assert world.end(execution) == -1
    assert "The runner was stopped" in world.log(execution)["log_text"]


def test_the_server_is_killed_during_a_solve(world: World, start_runner: StartRunner) -> None:
    """The result waits until Cornflow is there again."""
    start_runner()
    solved = world.drill("solve", LONG)
    failed = world.drill("kill", LONG)
    world.worker(solved)
    world.worker(failed)
    world.legacy.kill()
    until(lambda: world.run(solved)["phase"] == "delivering", "the result waits")
    until(lambda: world.run(failed)["phase"] == "closing", "the failure waits")
    world.legacy.start()
    assert world.end(solved) == 1
    assert world.data(solved)["data"] == {"slept": LONG}
    assert world.end(failed) == -1
    assert "SIGKILL" in world.log(failed)["log_text"]


def test_server_and_runner_are_killed_with_a_result_on_its_way(
    world: World, start_runner: StartRunner
) -> None:
    runner = start_runner()
    execution = world.drill("solve", LONG)
    world.worker(execution)
    world.legacy.kill()
    until(lambda: world.run(execution)["phase"] == "delivering", "the result waits")
    runner.kill()
    world.legacy.start()
    assert world.stored_state(execution) == 0
    start_runner()
    assert world.end(execution) == 1
    assert world.data(execution)["data"] == {"slept": LONG}


def test_the_server_does_not_come_back(world: World, start_runner: StartRunner) -> None:
    """An execution whose data cannot be read in time fails, and Cornflow learns it later."""
    start_runner("--workers", "1", "--patience", "1")
    first = world.drill("solve", LONG)
    waiting = world.drill("solve")
    world.worker(first)
    world.legacy.kill()
    until(lambda: world.run(waiting)["phase"] == "closing", "it gives up")
    world.legacy.start()
    assert world.end(waiting) == -1
    assert "does not answer" in world.log(waiting)["log_text"]
    assert world.end(first) == 1


def test_stop(world: World, start_runner: StartRunner) -> None:
    start_runner("--workers", "1")
    solving = world.drill("solve", 60)
    worker = world.worker(solving)
    waiting = world.drill("solve", 60)
    for execution in (waiting, solving):
        reply = world.http.post(f"/execution/{execution}/")
        assert reply.json() == {"message": "The execution has been stopped"}
        until(partial(log_of, world, execution), "the log says so")
        assert "topped by request" in world.log(execution)["log_text"]
        assert world.state(execution) == -2
    until(lambda: gone(worker), "its worker ends")
    assert world.end(world.drill("solve")) == 1, "the worker's place is free again"


def test_an_execution_that_is_started_again_belongs_to_its_newer_run(
    world: World, start_runner: StartRunner
) -> None:
    start_runner()
    execution = world.drill("solve", LONG)
    world.worker(execution)
    assert world.http.post(f"/execution/{execution}/").status_code == 200
    again = world.http.post(
        f"/execution/{execution}/relaunch/", json={"config": {"solver": "drill"}}
    )
    assert again.status_code == 201, again.text
    assert world.end(execution) == 1
    time.sleep(0.5)
    assert world.stored_state(execution) == 1


def test_the_time_limit(world: World, start_runner: StartRunner) -> None:
    start_runner("--time-limit", "4")
    execution = world.drill("solve", 120)
    assert world.end(execution) == -1
    assert "longer than the 4 s" in world.log(execution)["log_text"]


def test_a_full_queue_refuses(world: World, start_runner: StartRunner) -> None:
    start_runner("--workers", "1", "--queue-size", "1")
    solving = world.drill("solve", 60)
    world.worker(solving)
    waiting = world.drill("solve", 60)
    refused = world.execute("drill", {"do": "solve"}, status=400)
    assert world.stored_state(refused) == -1
    for execution in (waiting, solving):
        world.http.post(f"/execution/{execution}/")
    assert world.end(world.drill("solve")) == 1, "there is room again"


def test_an_execution_that_is_deleted_meanwhile(world: World, start_runner: StartRunner) -> None:
    start_runner()
    execution = world.drill("solve", LONG)
    world.worker(execution)
    assert world.http.delete(f"/execution/{execution}/").status_code == 200
    until(lambda: world.run(execution)["phase"] == "done", "the run ends")
    assert "not there any more" in world.run(execution)["reason"]


def test_a_check_that_crashes(world: World, start_runner: StartRunner) -> None:
    start_runner()
    instance = world.instance("drill", {"do": "solve", "check": "kill"})
    execution = world.http.post(f"/data-check-kpis/instance/{instance}/").json()["id"]
    assert world.end(execution) == -1
    assert "SIGKILL" in world.log(execution)["log_text"]
