"""The queue: what it keeps over a restart, what it refuses, in which order it gives."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from embedded_runner.model import Phase, RunState
from embedded_runner.store import DuplicateRun, QueueFull, RunStore

MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_runs_outlive_the_process_in_their_order(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runner.db")
    first = store.add("a", {"exec_id": "1"}, 10)
    second = store.add("b", {"exec_id": "2", "case_id": 3}, 10)
    store.close()
    again = RunStore(tmp_path / "runner.db")
    assert again.waiting() == [first, second]
    assert again.by_name("b", second.run_id) == second
    assert second.conf == {"exec_id": "2", "case_id": 3}


def test_a_full_queue_refuses_and_keeps_nothing(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runner.db")
    run = store.add("a", {"exec_id": "1"}, 1)
    with pytest.raises(QueueFull, match="1 runs are waiting"):
        store.add("a", {"exec_id": "2"}, 1)
    assert store.count() == 1
    store.update(run, phase=Phase.SOLVING)
    store.add("a", {"exec_id": "2"}, 1)


def test_a_name_is_taken_once_for_each_workflow(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runner.db")
    store.add("a", {"exec_id": "1"}, 10, "mine")
    store.add("b", {"exec_id": "1"}, 10, "mine")
    with pytest.raises(DuplicateRun):
        store.add("a", {"exec_id": "1"}, 10, "mine")


def test_runs_of_one_moment_can_be_told_apart(tmp_path: Path) -> None:
    """Cornflow names a run to stop by workflow and moment alone."""
    store = RunStore(tmp_path / "runner.db")
    runs = [store.add("a", {"exec_id": str(n)}, 10, moment=MOMENT) for n in range(3)]
    assert len({run.execution_date for run in runs}) == 3
    assert [store.by_date("a", run.execution_date) for run in runs] == runs


@pytest.mark.parametrize(
    "written", ["2030-01-02T03:04:05+00:00", "2030-01-02T05:04:05.000000+02:00"]
)
def test_a_moment_is_found_however_it_is_written(tmp_path: Path, written: str) -> None:
    store = RunStore(tmp_path / "runner.db")
    run = store.add("a", {"exec_id": "1"}, 10, moment=MOMENT)
    assert store.by_date("a", written) == run
    assert store.by_date("b", written) is None
    assert store.by_date("a", "yesterday") is None


def test_a_run_is_overtaken_by_a_newer_one_of_its_execution(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runner.db")
    run = store.add("a", {"exec_id": "1"}, 10)
    store.add("a", {"exec_id": "2"}, 10)
    assert not store.overtaken(run)
    store.add("a_check_kpis", {"exec_id": "1"}, 10)
    assert store.overtaken(run)


def test_only_old_runs_that_are_done_are_forgotten(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runner.db")
    runs = [store.add("a", {"exec_id": str(n)}, 10) for n in range(5)]
    for run in (runs[0], runs[2], runs[4]):
        store.update(run, phase=Phase.DONE, state=RunState.SUCCESS)
    assert store.prune(2) == [runs[0].number, runs[2].number]
    assert [run.number for run in store.runs_of("a")] == [2, 4, 5]


def test_paused_workflows_stay_paused(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runner.db")
    store.pause("a", True)
    store.pause("a", True)
    store.close()
    again = RunStore(tmp_path / "runner.db")
    assert again.paused() == {"a"}
    again.pause("a", False)
    assert again.paused() == frozenset()
