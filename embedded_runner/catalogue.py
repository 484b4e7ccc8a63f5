"""The workflows the runner offers: each application's, the one that checks it, and the internal ones."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedded_runner.environment import child_environment
from embedded_runner.model import (
    CHECK_SUFFIX,
    INTERNAL,
    Application,
    Json,
    RunKind,
    RunnerError,
    Workflow,
)

log = logging.getLogger(__name__)

_PATIENCE = 120
"""Seconds that importing all applications may take."""


@dataclass(frozen=True)
class Catalogue:
    applications: tuple[Application, ...] = ()
    problems: tuple[str, ...] = ()
    workflows: Mapping[str, Workflow] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "workflows", {w.id: w for w in workflows(self.applications)})

    @property
    def variables(self) -> dict[str, Json]:
        """Airflow's variables, where Cornflow looks for schemas and examples."""
        documents: dict[str, Json] = {}
        for application in self.applications:
            documents[application.name] = dict(application.schemas)
            documents[f"z_{application.name}_examples"] = list(application.examples)
        return documents


def workflows(applications: Iterable[Application]) -> Iterable[Workflow]:
    for one in applications:
        yield Workflow(one.name, RunKind.SOLVE, one.description, one)
        checks = f"Checks data of {one.name} and computes its KPIs"
        yield Workflow(one.name + CHECK_SUFFIX, RunKind.CHECK, checks, one)
    for name, description in INTERNAL.items():
        yield Workflow(name, RunKind.INTERNAL, description)


def read(extra: Sequence[str] = ()) -> Catalogue:
    """Asks a child process what every application says about itself. Blocks for a second or two."""
    with tempfile.TemporaryDirectory(prefix="cornflow-runner-") as folder:
        file = Path(folder) / "applications.json"
        command = [sys.executable, "-m", "embedded_runner.describe", str(file), *extra]
        try:
            done = subprocess.run(
                command,
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RunnerError(f"importing the applications took over {_PATIENCE} s") from None
        if done.returncode or not file.exists():
            raise RunnerError(
                f"importing the applications ended with exit code {done.returncode}:\n"
                f"{done.stderr[-4000:]}"
            )
        return parse(json.loads(file.read_text()))


def parse(described: Mapping[str, Json]) -> Catalogue:
    problems = list(described["problems"])
    applications: dict[str, Application] = {}
    for one in described["applications"]:
        application = Application(**{**one, "examples": tuple(one["examples"])})
        if application.name in applications or application.name in INTERNAL:
            problems.append(
                f"{application.target} is left out: the name {application.name} is taken"
            )
            continue
        applications[application.name] = application
    for problem in problems:
        log.warning(problem)
    return Catalogue(tuple(applications.values()), tuple(problems))


async def read_async(extra: Sequence[str] = ()) -> Catalogue:
    return await asyncio.to_thread(read, extra)
