"""A stand-in for Airflow's REST API, version 1 or 2: it has state, and it runs nothing.

The name of a DAG decides how it behaves (FAULTS, STATES, PAUSED); a DAG of any other name exists and
its runs go from queued to running to success, one state each time they are asked for. `_check_kpis`
at the end of a name does not count. A `mode` makes the whole server ill.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from parity_tests.stage.services.servers.standin import (
    HANG_UP,
    PASSWORD,
    USER,
    Answer,
    Call,
    StandIn,
    basic,
)

MODES = ("", "unhealthy", "no-scheduler", "health-500", "health-401", "health-malformed", "wrong-password", "token-500", "token-malformed", "token-expires")  # fmt: skip
SUFFIX = "_check_kpis"
PAUSED = "paused"


class ParameterKind(StrEnum):
    INFO = "info"
    RUN = "run"
    RUNS = "runs"
    STATE = "state"
    STOP = "stop"
    VARIABLE = "variable"


FAULTS: dict[str, tuple[ParameterKind, Answer]] = {
    "absent": (ParameterKind.INFO, Answer(404, {"title": "DAG not found", "status": 404})),
    "info-500": (ParameterKind.INFO, Answer(500, "<h1>Ooops!</h1>")),
    "info-403": (ParameterKind.INFO, Answer(403, {"title": "Forbidden", "status": 403})),
    "info-malformed": (ParameterKind.INFO, Answer(200, "<h1>Sign in</h1>")),
    "info-silent": (ParameterKind.INFO, Answer(200, {"dag_id": "info-silent"})),
    "info-hang-up": (ParameterKind.INFO, Answer(HANG_UP)),
    "run-409": (ParameterKind.RUN, Answer(409, {"title": "Conflict", "status": 409})),
    "run-500": (ParameterKind.RUN, Answer(500, "<h1>Ooops! ñ</h1>")),
    "run-401": (ParameterKind.RUN, Answer(401, {"title": "Unauthorized", "status": 401})),
    "run-malformed": (ParameterKind.RUN, Answer(200, "queued")),
    "run-nameless": (ParameterKind.RUN, Answer(200, {"state": "queued"})),
    "run-hang-up": (ParameterKind.RUN, Answer(HANG_UP)),
    "state-404": (ParameterKind.STATE, Answer(404, {"title": "DAGRun not found", "status": 404})),
    "state-500": (ParameterKind.STATE, Answer(500, "")),
    "state-malformed": (ParameterKind.STATE, Answer(200, "[")),
    "state-silent": (ParameterKind.STATE, Answer(200, {"conf": {}})),
    "state-hang-up": (ParameterKind.STATE, Answer(HANG_UP)),
    "stop-404": (ParameterKind.STOP, Answer(404, {"title": "Not Found", "status": 404})),
    "stop-500": (ParameterKind.STOP, Answer(500, "no")),
    "variable-404": (ParameterKind.VARIABLE, Answer(404, {"title": "Variable not found"})),
    "variable-malformed": (ParameterKind.VARIABLE, Answer(200, {"key": "x", "value": "{"})),
}
"""What goes wrong, and where, with a DAG of this name."""

STATES: dict[str, tuple[str, ...]] = {
    "succeeds": ("success",),
    "fails": ("running", "failed"),
    "unheard": ("up_for_retry",),
    "long": ("running",),
}
_USUAL = ("queued", "running", "success")
_SCHEMAS = ("instance", "solution", "config", "instance_checks", "solution_checks", "kpis")
_EXAMPLE = {"name": "first", "description": "an example", "instance": {"a": 1}, "solution": {}}
_EXAMPLES: dict[str, Any] = {
    "examples-object": {"first": _EXAMPLE, "second": 1},
    "examples-empty": {},
    "examples-text": "ab",
    "examples-number": 1,
    "examples-null": None,
    "examples-odd": [_EXAMPLE, 1, "text", [], {}, {"name": 2, "description": None, "instance": 0}],
    "examples-nameless": [{"description": "no name"}, _EXAMPLE],
    "examples-late": [{"name": "early", "extra": 1}, _EXAMPLE, None],
    "examples-nested": [{"name": ["a"], "description": {"b": 1.5}, "instance": None}],
    "examples-truth": [{"name": True, "description": 1.0, "instance": [1.0], "solution": None}],
}
"""Of a DAG of this name: what its variable of examples holds instead of a list of examples."""
_V1 = re.compile(r"/api/v1(?P<rest>/.*)")
_V2 = re.compile(r"/api/v2(?P<rest>/.*)")
_ROUTES = (
    ("GET", r"/dags/(?P<dag>[^/]+)", ParameterKind.INFO),
    ("POST", r"/dags/(?P<dag>[^/]+)/dagRuns", ParameterKind.RUN),
    ("GET", r"/dags/(?P<dag>[^/]+)/dagRuns", ParameterKind.RUNS),
    ("GET", r"/dags/(?P<dag>[^/]+)/dagRuns/(?P<run>[^/]+)", ParameterKind.STATE),
    ("POST", r"/dags/(?P<dag>[^/]+)/updateTaskInstancesState", ParameterKind.STOP),
    (
        "PATCH",
        r"/dags/(?P<dag>[^/]+)/dagRuns/(?P<run>[^/]+)/taskInstances/[^/]+",
        ParameterKind.STOP,
    ),
    ("GET", r"/variables/(?P<dag>[^/]+)", ParameterKind.VARIABLE),
)


@dataclass
class _Run:
    dag: str
    number: int
    asked: int = 0
    stopped: bool = False
    conf: Any = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"manual__2030-01-01T00:00:{self.number:02d}+00:00"

    def state(self, is_held: bool = False) -> str:
        if self.stopped:
            return "failed"
        states = STATES.get(self.dag.removesuffix(SUFFIX), _USUAL)
        state = states[min(self.asked, len(states) - 1)]
        self.asked += not is_held
        return state


class Airflow(StandIn):
    def __init__(self, version: str = "v1", mode: str = "") -> None:
        if version not in ("v1", "v2"):
            raise ValueError(f"no version `{version}`; there are v1 and v2")
        if mode not in MODES:
            raise ValueError(f"no fault `{mode}`; there are {', '.join(MODES[1:])}")
        self.version = version
        self.mode = mode
        self.runs: dict[str, _Run] = {}
        self.tokens = 0
        super().__init__()

    def effects(self) -> list[Call]:
        """Calls but for those that find out how to talk: health and tokens. Reads in a row have no order."""
        kept = [
            call for call in self.calls if "health" not in call.path and call.path != "/auth/token"
        ]
        ordered: list[Call] = []
        reads: list[Call] = []
        for call in kept:
            if call.method == "GET":
                reads.append(call)
                continue
            ordered += [*sorted(reads, key=lambda read: read.path), call]
            reads = []
        return ordered + sorted(reads, key=lambda read: read.path)

    def answer(self, call: Call) -> Answer:
        matched = (_V1 if self.version == "v1" else _V2).fullmatch(call.path)
        if call.path == "/auth/token" and self.version == "v2":
            return self._token(call)
        if matched is None:
            return Answer(404, {"title": "Not Found", "status": 404})
        rest = matched["rest"]
        if rest == ("/health" if self.version == "v1" else "/monitor/health"):
            return self._health()
        if not self._welcome(call):
            return Answer(401, {"title": "Unauthorized", "status": 401})
        for method, pattern, kind in _ROUTES:
            match = re.fullmatch(pattern, rest)
            if match and method == call.method:
                return self._do(kind, call, match.groupdict())
        return Answer(405, {"title": "Method Not Allowed", "status": 405})

    def _health(self) -> Answer:
        state = "unhealthy" if self.mode == "unhealthy" else "healthy"
        health = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": state}}
        if self.mode == "no-scheduler":
            del health["scheduler"]
        faults = {
            "health-500": Answer(500, health),
            "health-401": Answer(401, {"title": "Unauthorized"}),
            "health-malformed": Answer(200, "<h1>Welcome</h1>"),
        }
        return faults.get(self.mode, Answer(200, health))

    def _welcome(self, call: Call) -> bool:
        if self.mode == "wrong-password":
            return False
        if self.version == "v1":
            return call.authorization == basic()
        if self.mode == "token-expires" and self.tokens == 1:
            return False
        return call.authorization == f"Bearer token-{self.tokens}"

    def _token(self, call: Call) -> Answer:
        if self.mode == "token-500":
            return Answer(500, "no tokens today")
        if self.mode == "token-malformed":
            return Answer(201, {"token": "?"})
        if call.body != {"username": USER, "password": PASSWORD} or self.mode == "wrong-password":
            return Answer(401, {"detail": "Invalid credentials"})
        self.tokens += 1
        return Answer(201, {"access_token": f"token-{self.tokens}"})

    def _do(self, kind: ParameterKind, call: Call, names: dict[str, str]) -> Answer:
        dag = names["dag"]
        where, fault = FAULTS.get(dag.removesuffix(SUFFIX), (None, Answer()))
        if where is kind:
            return fault
        if kind is ParameterKind.INFO:
            is_paused = dag.removesuffix(SUFFIX) == PAUSED
            return Answer(200, {"dag_id": dag, "is_paused": is_paused})
        if kind is ParameterKind.VARIABLE and (of := re.fullmatch("z_(.*)_examples", dag)):
            examples = _EXAMPLES.get(of[1], [_EXAMPLE])
            return Answer(200, {"key": dag, "value": json.dumps(examples)})
        if kind is ParameterKind.VARIABLE:
            schemas = {name: {"title": f"{name} of {dag}"} for name in _SCHEMAS}
            return Answer(200, {"key": dag, "value": json.dumps(schemas)})
        if kind is ParameterKind.RUN:
            return self._start(dag, call)
        if kind is ParameterKind.RUNS:
            runs = [self._described(run) for run in self.runs.values() if run.dag == dag]
            return Answer(200, {"dag_runs": runs, "total_entries": len(runs)})
        if kind is ParameterKind.STATE:
            run = self.runs.get(names["run"])
            if run is None or run.dag != dag:
                return Answer(404, {"title": "DAGRun not found", "status": 404})
            return Answer(200, self._described(run))
        return self._stop(dag, call, names)

    def _start(self, dag: str, call: Call) -> Answer:
        if not isinstance(call.body, dict) or (
            self.version == "v2" and "logical_date" not in call.body
        ):
            return Answer(422, {"detail": "logical_date is missing"})
        run = _Run(dag, len(self.runs), conf=call.body.get("conf"))
        self.runs[run.name] = run
        return Answer(200, {**self._described(run, reported="queued"), "conf": run.conf})

    def _stop(self, dag: str, call: Call, names: dict[str, str]) -> Answer:
        if self.version == "v2":
            run = self.runs.get(names["run"])
        else:
            date = call.body.get("execution_date")
            run = next((r for r in self.runs.values() if r.name.endswith(str(date))), None)
        if run is None or run.dag != dag:
            return Answer(404, {"title": "no such run", "status": 404})
        run.stopped = True
        return Answer(200, {"task_instances": [{"task_id": dag}]})

    def _described(self, run: _Run, reported: str | None = None) -> dict[str, Any]:
        date = "logical_date" if self.version == "v2" else "execution_date"
        state = reported or run.state(self.is_held)
        return {
            "dag_id": run.dag,
            "dag_run_id": run.name,
            "state": state,
            date: run.name.removeprefix("manual__"),
        }
