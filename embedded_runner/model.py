"""The words of the runner as values: workflows, runs, their states and phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

Json = Any
"""A decoded JSON value."""


class RunState(StrEnum):
    """What Airflow would call the state of a dag run; all that Cornflow ever sees."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        return self in (RunState.SUCCESS, RunState.FAILED)


class Phase(StrEnum):
    """Where a run is between the queue and its end; what a restart goes by."""

    WAITING = "waiting"
    SOLVING = "solving"
    """Reading its data or in a worker process."""
    DELIVERING = "delivering"
    """The result is on disk and on its way to Cornflow."""
    CLOSING = "closing"
    """It failed or was stopped; Cornflow is still to be told."""
    DONE = "done"


class RunKind(StrEnum):
    SOLVE = "solve"
    CHECK = "check"
    INTERNAL = "internal"


class ExecutionState(IntEnum):
    """States of an execution in Cornflow that the runner writes."""

    CORRECT = 1
    RUNNING = 0
    ERROR = -1
    STOPPED = -2
    SAVING = -6


class RunnerExit(IntEnum):
    OK = 0
    DIFFERENT = 1
    COULD_NOT_RUN = 2


class RunnerError(Exception):
    """The runner cannot do what was asked; the message says what to do next."""


CHECK_SUFFIX = "_check_kpis"
"""Cornflow finds the workflow that only checks an application by this ending."""
UPDATE_SCHEMAS = "update_all_schemas"
UPDATE_REGISTRY = "update_dag_registry"
INTERNAL = {
    UPDATE_SCHEMAS: "Reads the schemas and examples of all applications again",
    UPDATE_REGISTRY: "Registers all applications in Cornflow, or updates their schemas there",
}


@dataclass(frozen=True)
class Application:
    """One application, as its class describes itself."""

    name: str
    target: str
    """`package.module:Class`, what a worker process imports."""
    description: str | None = None
    schemas: Mapping[str, Json] = field(default_factory=dict)
    examples: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Workflow:
    """What Airflow calls a DAG."""

    id: str
    kind: RunKind
    description: str | None
    application: Application | None = None

    @property
    def tag(self) -> str:
        # Cornflow registers what `?tags=model` lists; the checks must not be in it
        return {RunKind.SOLVE: "model", RunKind.CHECK: "checks", RunKind.INTERNAL: "internal"}[
            self.kind
        ]


@dataclass(frozen=True)
class Run:
    """One row of the queue. Times are seconds since the epoch."""

    number: int
    run_id: str
    workflow: str
    execution_date: str
    """ISO 8601 in UTC; unique within a workflow, because Cornflow names a run to stop by it."""
    conf: Mapping[str, Json]
    state: RunState
    phase: Phase
    created: float
    started: float | None = None
    ended: float | None = None
    pid: int | None = None
    reason: str = ""
    verdict: int | None = None
    """The execution's state that Cornflow is to be told, when the run did not succeed."""

    @property
    def execution(self) -> str:
        return str(self.conf.get("exec_id", ""))
