"""The durable queue: one SQLite file with every run, and which workflows are paused.

All calls are short and made from the event loop's thread; a commit is on disk when a call returns,
so a run that Cornflow was told about survives the runner.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from embedded_runner.model import Json, Phase, Run, RunnerError, RunState

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    execution_date TEXT NOT NULL,
    conf TEXT NOT NULL,
    execution TEXT NOT NULL,
    state TEXT NOT NULL,
    phase TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    pid INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    verdict INTEGER,
    UNIQUE (workflow, run_id),
    UNIQUE (workflow, execution_date)
);
CREATE INDEX IF NOT EXISTS runs_phase ON runs (phase, number);
CREATE INDEX IF NOT EXISTS runs_execution ON runs (execution, number);
CREATE TABLE IF NOT EXISTS paused (workflow TEXT PRIMARY KEY);
"""
_COLUMNS = (
    "number, run_id, workflow, execution_date, conf, state, phase, created, started, ended, pid,"
    " reason, verdict"
)


class QueueFull(RunnerError):
    """As many runs wait as may wait."""


class DuplicateRun(RunnerError):
    """The workflow has a run of that name already."""


class RunStore:
    def __init__(self, path: Path) -> None:
        # made before the event loop's thread may be known, used by that thread alone
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self._db.close()

    def add(
        self,
        workflow: str,
        conf: Mapping[str, Json],
        queue_size: int,
        run_id: str | None = None,
        moment: datetime | None = None,
    ) -> Run:
        """Puts a run at the queue's end. Raises QueueFull or DuplicateRun."""
        moment = (moment or datetime.now(UTC)).astimezone(UTC)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if self.count(Phase.WAITING) >= queue_size:
                raise QueueFull(
                    f"the queue is full: {queue_size} runs are waiting already; try again later"
                )
            while self._one("workflow = ? AND execution_date = ?", workflow, _iso(moment)):
                moment += timedelta(microseconds=1)
            name = run_id or f"manual__{_iso(moment)}"
            if self._one("workflow = ? AND run_id = ?", workflow, name):
                raise DuplicateRun(f"{workflow} has a run {name} already")
            cursor = self._db.execute(
                "INSERT INTO runs (run_id, workflow, execution_date, conf, execution, state, phase,"
                " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    workflow,
                    _iso(moment),
                    json.dumps(dict(conf)),
                    str(conf.get("exec_id", "")),
                    RunState.QUEUED,
                    Phase.WAITING,
                    time.time(),
                ),
            )
            run = self.get(int(cursor.lastrowid or 0))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return run

    def update(self, run: Run, **changes: Any) -> Run:
        """Writes columns of a run and returns it as it is now."""
        columns = ", ".join(f"{name} = ?" for name in changes)
        self._db.execute(
            f"UPDATE runs SET {columns} WHERE number = ?",
            (*changes.values(), run.number),
        )
        return self.get(run.number)

    def get(self, number: int) -> Run:
        run = self._one("number = ?", number)
        if run is None:
            raise RunnerError(f"there is no run number {number}")
        return run

    def by_name(self, workflow: str, run_id: str) -> Run | None:
        return self._one("workflow = ? AND run_id = ?", workflow, run_id)

    def by_date(self, workflow: str, execution_date: str) -> Run | None:
        try:
            wanted = _iso(datetime.fromisoformat(execution_date).astimezone(UTC))
        except ValueError:
            return None
        return self._one("workflow = ? AND execution_date = ?", workflow, wanted)

    def waiting(self) -> list[Run]:
        """Oldest first."""
        return self._many("phase = ? ORDER BY number", Phase.WAITING)

    def unfinished(self) -> list[Run]:
        return self._many("phase NOT IN (?, ?) ORDER BY number", Phase.WAITING, Phase.DONE)

    def runs_of(self, workflow: str, limit: int = 100, offset: int = 0) -> list[Run]:
        return self._many("workflow = ? ORDER BY number LIMIT ? OFFSET ?", workflow, limit, offset)

    def latest(self, limit: int) -> list[Run]:
        return self._many("1 ORDER BY number DESC LIMIT ?", limit)

    def overtaken(self, run: Run) -> bool:
        """Whether Cornflow has started the same execution again since."""
        return bool(
            run.execution
            and self._one("execution = ? AND number > ? LIMIT 1", run.execution, run.number)
        )

    def count(self, phase: Phase | None = None, workflow: str | None = None) -> int:
        result = self._db.execute(
            "SELECT count(*) FROM runs WHERE (? IS NULL OR phase = ?) AND (? IS NULL OR workflow = ?)",
            (phase, phase, workflow, workflow),
        )
        return int(result.fetchone()[0])

    def prune(self, keep: int) -> list[int]:
        """Forgets all but the newest runs that are done; returns the numbers that are gone."""
        pruned = self._db.execute(
            "DELETE FROM runs WHERE phase = ? AND number <= (SELECT max(number) FROM runs) - ?"
            " RETURNING number",
            (Phase.DONE, keep),
        )
        return [int(row[0]) for row in pruned]

    def paused(self) -> frozenset[str]:
        return frozenset(row[0] for row in self._db.execute("SELECT workflow FROM paused"))

    def pause(self, workflow: str, paused: bool) -> None:
        if paused:
            self._db.execute("INSERT OR IGNORE INTO paused VALUES (?)", (workflow,))
        else:
            self._db.execute("DELETE FROM paused WHERE workflow = ?", (workflow,))

    def _one(self, where: str, *values: Any) -> Run | None:
        runs = self._many(where, *values)
        return runs[0] if runs else None

    def _many(self, where: str, *values: Any) -> list[Run]:
        rows: Iterable[tuple[Any, ...]] = self._db.execute(
            f"SELECT {_COLUMNS} FROM runs WHERE {where}",
            values,
        )
        return [_run(row) for row in rows]


def _run(row: tuple[Any, ...]) -> Run:
    number, run_id, workflow, date, conf, state, phase, *rest = row
    return Run(
        number, run_id, workflow, date, json.loads(conf), RunState(state), Phase(phase), *rest
    )


def _iso(moment: datetime) -> str:
    # always with microseconds, so that equal moments are equal texts
    return moment.isoformat(timespec="microseconds")
