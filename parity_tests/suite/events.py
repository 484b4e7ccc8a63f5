"""What a run of the suite tells: lines of JSON that any of its processes appends to one file.

A live server is a forked child of the test process, so what it sees reaches nobody but by a file.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "PARITY_SUITE"
"""Of the environment: what a run of the suite is to do, as JSON."""


@dataclass(frozen=True)
class Double:
    """An attribute that a test had replaced while a request was answered."""

    name: str
    inside: bool
    """It is an attribute of the legacy's own code."""
    used: bool | None
    """Whether the request used it. None: a plain value or function does not tell."""


@dataclass(frozen=True)
class SuiteRequest:
    method: str
    path: str
    status: int | None
    """None: the application raised instead of answering."""
    doubles: tuple[Double, ...] = ()


@dataclass
class SuiteOutcome:
    """One test in one run."""

    id: str
    result: str = "not run"
    """passed, failed, skipped, xfailed, xpassed or not run."""
    message: str = ""
    seconds: float = 0.0
    requests: list[SuiteRequest] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return self.result in ("failed", "not run")


@dataclass
class SuiteRun:
    """All that one run of the suite told."""

    outcomes: dict[str, SuiteOutcome] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    """Flask apps that are not the legacy, by import name: they answered for themselves."""
    notes: set[str] = field(default_factory=set)
    seconds: float = 0.0
    ended: bool = False
    """Whether it came to its end: one that was killed tells of some tests only."""
    databases: dict[str, dict[str, int] | None] = field(default_factory=dict)
    """Rows by table of each database, as this run met it; None where they could not be read."""
    last: str = ""
    """The test that was told of last."""

    @property
    def requests(self) -> int:
        return sum(len(outcome.requests) for outcome in self.outcomes.values())


class EventRecorder:
    """Appends events; whole lines, so that processes do not cut each other's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.test = ""
        """The test that runs now; a forked child keeps the one it was forked in."""

    def write(self, event: str, **values: Any) -> None:
        line = json.dumps({"event": event, "test": self.test, **values}) + "\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode(errors="backslashreplace"))
        finally:
            os.close(file)


def read(path: Path) -> SuiteRun:
    run = SuiteRun()
    for event in _lines(path):
        kind, test = event["event"], event["test"]
        run.last = test or run.last
        if kind == "stranger":
            run.strangers.add(event["name"])
        elif kind == "end":
            run.ended = True
        elif kind == "database":
            run.databases.setdefault(event["name"], event["rows"])
        elif kind == "note":
            run.notes.add(event["text"])
        elif kind == "report":
            _add_report(run.outcomes.setdefault(test, SuiteOutcome(test)), event)
        elif kind == "request" and test:
            doubles = tuple(Double(**double) for double in event["doubles"])
            outcome = run.outcomes.setdefault(test, SuiteOutcome(test))
            outcome.requests.append(
                SuiteRequest(event["method"], event["path"], event["status"], doubles)
            )
    return run


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                # a process that was killed may have written half of its last one
                with contextlib.suppress(ValueError):
                    yield json.loads(line)


_WEIGHT = {"not run": 0, "passed": 1, "xpassed": 2, "xfailed": 3, "skipped": 4, "failed": 5}


def _add_report(outcome: SuiteOutcome, event: dict[str, Any]) -> None:
    """A test has reports for set-up, call, tear-down and subtests: the worst one is its result."""
    outcome.seconds += event["seconds"]
    if _WEIGHT[event["result"]] > _WEIGHT[outcome.result]:
        outcome.result, outcome.message = event["result"], event["message"]
