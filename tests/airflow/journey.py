"""What a user does through cornflow_client, and what came of it as a value that compares."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cornflow_client import CornFlow as Client

from tests.airflow.api import DAGS, FINAL
from tests.airflow.server import Airflow
from tests.runner.world import RUNNING, until

PATIENCE = 120.0
SAID = "drill: raise"
"""What the drill prints before it raises."""
LONG = 300
"""Seconds of a solve that is stopped."""
_OWN = frozenset(
    {
        "id",
        "instance_id",
        "data_hash",
        "created_at",
        "updated_at",
        "deleted_at",
        "finished_at",
        "time",
    }
)
"""What differs from run to run: ids, hashes of them, moments, and how long a solver took."""

Outcome = dict[str, Any]


def comparable(value: Any) -> Any:
    """Without what differs from run to run; that it is there, and is not null, is kept."""
    if isinstance(value, Mapping):
        return {
            key: (one is not None) if key in _OWN else comparable(one) for key, one in value.items()
        }
    if isinstance(value, list):
        return [comparable(one) for one in value]
    return value


@dataclass
class Journey:
    """One user's way through one Cornflow, with the Airflow that works for it."""

    client: Client
    airflow: Airflow

    def sync(self, service: Client) -> Outcome:
        """An empty registry is filled from the DAG folder."""
        before = service.get_deployed_dags()
        self.airflow.sync()
        registered = sorted(service.get_deployed_dags(), key=lambda one: str(one["id"]))
        return {
            "before": before,
            "registered": {one["id"]: comparable(one) for one in registered},
            "listed": sorted(one["name"] for one in self.client.get_all_schemas()),
            "schemas": {dag: self.client.get_schema(dag) for dag in DAGS},
            "examples": {dag: self.client.get_example_list(dag) for dag in DAGS},
        }

    def example(self, dag: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_one_example(dag, name)
        return found

    def instance(self, dag: str, data: Any) -> str:
        return str(self.client.create_instance(data, name="from a test", schema=dag)["id"])

    def start(self, dag: str, data: Any, **config: Any) -> str:
        """An instance, and an execution of it. Its id."""
        made = self.client.create_execution(
            self.instance(dag, data), {"msg": False, **config}, name="from a test", schema=dag
        )
        return str(made["id"])

    def run(self, dag: str, execution: str) -> str | None:
        """The id of Airflow's run for an execution; the last, when it was started again."""
        found = [one for one in self.airflow.runs(dag) if one["conf"].get("exec_id") == execution]
        return str(found[-1]["dag_run_id"]) if found else None

    def wait(self, dag: str, execution: str) -> str:
        """Until Cornflow calls it ended, and Airflow's run, which may go on writing, has ended too."""

        def state() -> int:
            return int(self.client.get_status(execution)["state"])

        until(lambda: state() not in RUNNING, f"{dag} {execution} ends", PATIENCE)
        return self.end(dag, execution)

    def end(self, dag: str, execution: str) -> str:
        """What Airflow calls its run once it has ended."""
        run = until(lambda: self.run(dag, execution), f"Airflow has a run for {execution}")
        until(
            lambda: self.airflow.state(dag, run) in FINAL, f"the run of {execution} ends", PATIENCE
        )
        return self.airflow.state(dag, run)

    def outcome(self, dag: str, execution: str) -> Outcome:
        """What the user sees of an execution that has ended."""
        return {
            "airflow": self.wait(dag, execution),
            "status": comparable(self.client.get_status(execution)),
            "detail": comparable(self.client.get_results(execution)),
            "solution": comparable(self.client.get_solution(execution)),
            "log": comparable(self.client.get_log(execution)),
        }

    def outcomes(self, dag: str, executions: Mapping[str, str]) -> dict[str, Outcome]:
        return {name: self.outcome(dag, one) for name, one in executions.items()}

    def seconds(self) -> float:
        """From the order of a small solve until the user is told of its end."""
        data = self.example("graph_coloring", "Petersen")["instance"]
        started = time.monotonic()
        self.wait("graph_coloring", self.start("graph_coloring", data, solver="greedy"))
        return time.monotonic() - started

    def solve(self) -> Outcome:
        """Both applications, with solutions and without, side by side."""
        pulp, graph = "solve_model_dag", "graph_coloring"
        knapsack = self.example(pulp, "Knapsack")["instance"]
        capacity = self.example(pulp, "Too little capacity")["instance"]
        petersen = self.example(graph, "Petersen")["instance"]
        loop = {"edges": [{"from": 1, "to": 1}, {"from": 1, "to": 2}]}
        models = {
            "pulp": self.start(pulp, knapsack, solver="cbc", timeLimit=20),
            "infeasible": self.start(pulp, capacity, solver="cbc", timeLimit=20),
        }
        graphs = {
            "graph": self.start(graph, petersen, solver="cpsat", timeLimit=20),
            "wrong instance": self.start(graph, loop, solver="greedy"),
        }
        found: Outcome = {**self.outcomes(pulp, models), **self.outcomes(graph, graphs)}
        self.client.relaunch_execution(graphs["graph"], {"msg": False, "solver": "greedy"})
        found["again"] = self.outcome(graph, graphs["graph"])
        found["listed"] = sorted(
            (one["schema"], one["state"]) for one in self.client.get_all_executions()
        )
        return found

    def check(self) -> Outcome:
        """Data checks of an instance with errors, a solved case, and an execution with a wrong solution."""
        graph = "graph_coloring"
        checks = f"{graph}_check_kpis"
        loop = self.instance(graph, {"edges": [{"from": 1, "to": 1}]})
        of_instance = str(self.client.create_instance_data_check(loop)["id"])

        edge = {"edges": [{"from": 0, "to": 1}]}
        right = {"assignment": [{"node": 0, "color": 0}, {"node": 1, "color": 1}]}
        case = self.client.create_case("case", graph, data=edge, solution=right)["id"]
        of_case = str(self.client.create_case_data_check_kpis(case)["id"])

        wrong = {"assignment": [{"node": 0, "color": 1}, {"node": 1, "color": 1}]}
        by_hand = self.client.create_execution(
            self.instance(graph, edge), {}, name="by hand", schema=graph, run=False
        )["id"]
        self.client.put_one_execution(by_hand, {"data": wrong})
        self.client.create_execution_data_check_kpis(by_hand)
        return {
            "instance": self.outcome(checks, of_instance),
            "checked instance": comparable(self.client.get_one_instance_data(loop)),
            "case": self.outcome(checks, of_case),
            "checked case": comparable(self.client.get_one_case_data(case)),
            "execution": self.outcome(checks, by_hand),
        }

    def fail(self) -> Outcome:
        """A solve that raises. Its log is Airflow's own, so of that only what the solver said.

        Nobody asks Cornflow before the end: a question at the wrong moment makes the legacy write what
        Airflow says over what the worker wrote.
        """
        execution = self.start("drill", {"do": "raise"})
        self.end("drill", execution)
        found = self.outcome("drill", execution)
        text = found["log"].pop("log_text") or ""
        found["said"] = [line.partition("INFO - ")[2] for line in text.splitlines() if SAID in line]
        return found

    def stop(self) -> Outcome:
        """A solve that takes long, stopped while it does."""
        execution = self.start("drill", {"do": "solve", "seconds": LONG})
        run = until(lambda: self.run("drill", execution), "Airflow has its run")
        until(
            lambda: "drill: solve" in self.airflow.log("drill", run), "the drill begins", PATIENCE
        )
        running = comparable(self.client.get_status(execution))
        reply = self.client.stop_execution(execution)
        stopped = comparable(self.client.get_status(execution))
        state = self.wait("drill", execution)
        until(lambda: _ended(self.airflow.log("drill", run)), "the solver's process ends", PATIENCE)
        return {
            "running": running,
            "reply": reply,
            "stopped": stopped,
            "airflow": state,
            "status": comparable(self.client.get_status(execution)),
            "solution": comparable(self.client.get_solution(execution)),
            "log": comparable(self.client.get_log(execution)),
        }


def _ended(log: str) -> bool:
    """Whether the process of a stopped task is gone, as Airflow's supervisor of it writes."""
    return "terminated with exit code" in log or "Task exited with return code" in log
