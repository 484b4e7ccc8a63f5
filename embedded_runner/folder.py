"""A run's folder: what goes into its worker process, and what comes out.

The supervisor writes `task.json` and `input.json`; the worker writes the bodies of the requests to
Cornflow, ready to be sent, and last of all `outcome.json`. So whether a worker finished is a fact on
disk that a restart can read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded_runner.model import Json, RunKind

LOG_LIMIT = 256 * 1024
"""Bytes of a worker's output that Cornflow is sent: the end, where the reason is."""


@dataclass(frozen=True)
class Task:
    target: str
    kind: RunKind
    time_limit: float
    case: str | None = None


@dataclass(frozen=True)
class RunOutcome:
    """What a worker left behind when it came to its end."""

    solved: bool
    error: str = ""
    instance: str = ""
    files_status: int = 0
    """Cornflow's EXECUTION_FILES_STATUS_*; 0 when the application makes no files."""


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.task_file = path / "task.json"
        self.input = path / "input.json"
        self.output = path / "output.log"
        self.result = path / "result.json"
        self.instance_checks = path / "instance_checks.json"
        self.case_checks = path / "case_checks.json"
        self.files = path / "files.zip"
        self.outcome_file = path / "outcome.json"
        self.temporary = path / "tmp"

    def create(self, task: Task) -> None:
        """An empty folder with the task in it, whatever was there before."""
        self.remove()
        self.temporary.mkdir(parents=True)
        self.task_file.write_text(json.dumps(asdict(task)))

    def task(self) -> Task:
        values = json.loads(self.task_file.read_text())
        return Task(**{**values, "kind": RunKind(values["kind"])})

    def outcome(self) -> RunOutcome | None:
        """None while the worker has not come to its end, or when it never will."""
        try:
            return RunOutcome(**json.loads(self.outcome_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def finish(self, outcome: RunOutcome) -> None:
        partial = self.path / "outcome.part"
        partial.write_text(json.dumps(asdict(outcome)))
        partial.rename(self.outcome_file)

    def write_body(self, file: Path, body: Mapping[str, Json]) -> None:
        """As a DAG's request would hold it. ValueError for NaN, TypeError for what is no JSON."""
        file.write_text(json.dumps(body, allow_nan=False))

    def output_tail(self) -> str:
        try:
            with self.output.open("rb") as log:
                size = log.seek(0, 2)
                log.seek(max(0, size - LOG_LIMIT))
                text = log.read().decode(errors="replace")
        except OSError:
            return ""
        # PostgreSQL takes no NUL in a text
        text = text.replace("\0", "")
        if size > LOG_LIMIT:
            return f"(the first {size - LOG_LIMIT} bytes are left out)\n{text}"
        return text

    def keep_log_only(self) -> None:
        """When all is told: data of tens of MB need not stay, the log may be asked for."""
        for file in (self.input, self.result, self.instance_checks, self.case_checks, self.files):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.temporary, ignore_errors=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
