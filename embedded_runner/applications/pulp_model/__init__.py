"""`solve_model_dag`: any linear or integer model that PuLP can write as JSON, solved by CBC.

Not by HiGHS: the package highspy and OR-tools, which cornflow_client imports, each bring a HiGHS library
of their own, and one process cannot hold both (`import ortools` fails).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulp
from cornflow_client import get_empty_schema, get_pulp_jsonschema
from cornflow_client.constants import (
    SOLUTION_STATUS_FEASIBLE,
    SOLUTION_STATUS_INFEASIBLE,
    STATUS_FEASIBLE,
    STATUS_INFEASIBLE,
    STATUS_NOT_SOLVED,
    STATUS_OPTIMAL,
    STATUS_TIME_LIMIT,
    STATUS_UNBOUNDED,
    NoSolverException,
)
from cornflow_client.core import ApplicationCore, ExperimentCore, InstanceCore, SolutionCore

_HERE = Path(__file__).parent
_TOLERANCE = 1e-5
_LIMITED = 0.95
"""A solver that took this share of its time limit is taken to have stopped for it."""
_OPTIONS = frozenset(
    {"mip", "msg", "warmStart", "timeLimit", "gapRel", "gapAbs", "threads", "maxNodes"}
)
"""What a user may tell the solver. Not `options`, `logPath` and `keepFiles`, which Cornflow's own
form has too: with those a user writes files as the runner."""
_SOLVER = "PULP_CBC_CMD"


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_HERE / f"{name}.json").read_text())
    return document


class Instance(InstanceCore):  # type: ignore[misc]
    """A model as PuLP's `to_dict` writes it."""

    schema = get_pulp_jsonschema()
    schema_checks = _read("instance_checks")

    def check_unknown_variables(self) -> list[dict[str, str]]:
        """Names in the objective and the constraints that are no variables."""
        names = {one["name"] for one in self.data["variables"]}
        parts = [("objective", self.data["objective"])]
        parts += [(one["name"], one) for one in self.data["constraints"]]
        return [
            {"where": where, "variable": term["name"]}
            for where, part in parts
            for term in part["coefficients"]
            if term["name"] not in names
        ]

    def check_repeated_names(self) -> list[dict[str, str]]:
        """Variables or constraints that share a name: PuLP would keep one of them."""
        repeated = []
        for kind in ("variables", "constraints"):
            known: set[str] = set()
            for one in self.data[kind]:
                if one["name"] in known:
                    repeated.append({"kind": kind, "name": one["name"]})
                known.add(one["name"])
        return repeated


class Solution(SolutionCore):  # type: ignore[misc]
    """The model again, with a value in every variable."""

    schema = get_pulp_jsonschema()


class Experiment(ExperimentCore):  # type: ignore[misc]
    """Solves with the CBC that PuLP brings. What it prints is the execution's log."""

    solution: Any
    schema_checks = _read("solution_checks")
    schema_kpis = _read("kpis")

    def solve(self, options: Mapping[str, Any]) -> dict[str, Any]:
        _, model = pulp.LpProblem.from_dict(completed(self.instance.to_dict()))
        chosen = {k: v for k, v in options.items() if k in _OPTIONS and v is not None}
        solver = pulp.getSolver(_SOLVER, **{"msg": True, **chosen})
        if not solver.available():
            raise NoSolverException("PuLP's CBC does not run on this machine; install coinor-cbc")
        if chosen.get("warmStart") and self.solution is not None:
            self._start_from(model)
        begun = time.monotonic()
        model.solve(solver)
        took = time.monotonic() - begun
        limited = "timeLimit" in chosen and took >= _LIMITED * chosen["timeLimit"]
        status = _status(model, limited)
        solved = model.sol_status in (
            pulp.LpSolutionOptimal,
            pulp.LpSolutionIntegerFeasible,
        ) and all(one.varValue is not None for one in model.variables())
        if not solved:
            self.solution = None
            return {"status": status, "status_sol": SOLUTION_STATUS_INFEASIBLE}
        self.solution = Solution.from_dict(model.to_dict())
        return {
            "status": status,
            "status_sol": SOLUTION_STATUS_FEASIBLE,
            "best_solution": self.get_objective(),
        }

    def _start_from(self, model: Any) -> None:
        values = self._values()
        for one in model.variables():
            if values.get(one.name) is not None:
                one.setInitialValue(values[one.name], check=False)

    def _values(self) -> dict[str, float]:
        return {one["name"]: one.get("varValue") for one in self.solution.data["variables"]}

    def get_objective(self) -> float:
        values = self._values()
        terms = self.instance.data["objective"]["coefficients"]
        return float(sum(term["value"] * (values[term["name"]] or 0) for term in terms))

    def check_missing_values(self) -> list[dict[str, str]]:
        values = self._values()
        return [
            {"variable": one["name"]}
            for one in self.instance.data["variables"]
            if values.get(one["name"]) is None
        ]

    def check_bounds(self) -> list[dict[str, Any]]:
        """Values outside of their bounds, or broken where they must be whole."""
        values = self._values()
        violations = []
        for one in self.instance.data["variables"]:
            value = values.get(one["name"])
            if value is None:
                continue
            slack = _TOLERANCE * max(1.0, abs(value))
            low, high = one.get("lowBound"), one.get("upBound")
            outside = (low is not None and value < low - slack) or (
                high is not None and value > high + slack
            )
            broken = one["cat"] == pulp.LpInteger and abs(value - round(value)) > slack
            if outside or broken:
                violations.append({"variable": one["name"], "value": value})
        return violations

    def check_constraints(self) -> list[dict[str, Any]]:
        """Constraints that the values break, and by how much."""
        values = self._values()
        violations = []
        for one in self.instance.data["constraints"]:
            terms = [t["value"] * (values.get(t["name"]) or 0) for t in one["coefficients"]]
            left = sum(terms) + (one.get("constant") or 0)
            slack = _TOLERANCE * max([1.0, *map(abs, terms)])
            over = {1: -left, -1: left, 0: abs(left)}.get(one["sense"], 0)
            if over > slack:
                violations.append({"constraint": one["name"], "broken_by": over})
        return violations

    def kpis_summary(self) -> list[dict[str, Any]]:
        return [
            {"name": "objective", "value": self.get_objective()},
            {"name": "variables", "value": len(self.instance.data["variables"])},
            {"name": "constraints", "value": len(self.instance.data["constraints"])},
        ]


class PulpModel(ApplicationCore):  # type: ignore[misc]
    name = "solve_model_dag"
    description = "Linear and integer models written with PuLP"
    instance = Instance
    solution = Solution
    # the first is the default, and the one that Cornflow itself takes when none is given
    solvers = {_SOLVER: Experiment, "cbc": Experiment}  # noqa: RUF012 - the base class's form
    schema = get_empty_schema(properties=_read("config")["properties"], solvers=list(solvers))
    test_cases = _read("examples")["examples"]


def completed(data: Mapping[str, Any]) -> dict[str, Any]:
    """With every key that PuLP reads but that the schema leaves optional."""
    return {
        **data,
        "parameters": {"status": 0, "sol_status": 0, **data["parameters"]},
        "objective": {"name": None, **data["objective"]},
        "constraints": [
            {**one, "constant": one.get("constant") or 0} for one in data["constraints"]
        ],
        "sos1": data.get("sos1") or [],
        "sos2": data.get("sos2") or [],
    }


def _status(model: Any, limited: bool) -> int:
    state: int = {
        pulp.LpSolutionOptimal: STATUS_OPTIMAL,
        pulp.LpSolutionIntegerFeasible: STATUS_TIME_LIMIT if limited else STATUS_FEASIBLE,
        pulp.LpSolutionInfeasible: STATUS_INFEASIBLE,
        pulp.LpSolutionUnbounded: STATUS_UNBOUNDED,
    }.get(model.sol_status, STATUS_TIME_LIMIT if limited else STATUS_NOT_SOLVED)
    return state
