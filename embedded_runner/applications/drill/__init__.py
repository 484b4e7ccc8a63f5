"""`drill`: does on request what a solver must not do, to see what becomes of the execution.

Not offered unless asked for: `cornflow-runner serve --application embedded_runner.applications.drill:Drill`.
The instance says what to do (`do`) and for how long first (`seconds`).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from cornflow_client import get_empty_schema
from cornflow_client.constants import STATUS_OPTIMAL
from cornflow_client.core import ApplicationCore, ExperimentCore, InstanceCore, SolutionCore

_STEP = 0.5
_DEEDS = ["solve", "raise", "exit", "kill", "abort", "wrong_solution", "no_json"]


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": properties,
    }


class Instance(InstanceCore):  # type: ignore[misc]
    schema = {  # noqa: RUF012 - the base class's form
        **_object(
            do={"type": "string", "enum": _DEEDS},
            seconds={"type": "number"},
            check={"type": "string", "enum": ["pass", "kill"]},
        ),
        "required": ["do"],
    }
    schema_checks = _object()

    def check(self) -> dict[str, Any]:
        if self.data.get("check") == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return {}


class Solution(SolutionCore):  # type: ignore[misc]
    schema = _object(slept={"type": "number"})


class Experiment(ExperimentCore):  # type: ignore[misc]
    schema_checks = _object()
    schema_kpis = _object()

    def get_objective(self) -> float:
        return 0.0

    def solve(self, options: Mapping[str, Any]) -> dict[str, Any]:
        seconds = float(self.instance.data.get("seconds", 0))
        deed = self.instance.data["do"]
        print(f"drill: {deed} after {seconds} s")  # noqa: T201 - what a solver prints is its log
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(_STEP, left))
        if deed == "raise":
            raise RuntimeError("this is a drill")
        if deed == "exit":
            os._exit(3)
        if deed in ("kill", "abort"):
            os.kill(os.getpid(), signal.SIGKILL if deed == "kill" else signal.SIGABRT)
        slept: Any = {"wrong_solution": "long", "no_json": float("nan")}.get(deed, seconds)
        self.solution = Solution.from_dict({"slept": slept})
        return {"status": STATUS_OPTIMAL}


class Drill(ApplicationCore):  # type: ignore[misc]
    name = "drill"
    description = "Fails, crashes or takes its time on request"
    instance = Instance
    solution = Solution
    solvers = {"drill": Experiment}  # noqa: RUF012 - the base class's form
    schema = get_empty_schema(properties={"timeLimit": {"type": "number"}}, solvers=["drill"])
    test_cases = [  # noqa: RUF012 - the base class's form
        {
            "name": "Sleep",
            "description": "Takes a second",
            "instance": {"do": "solve", "seconds": 1},
        }
    ]
