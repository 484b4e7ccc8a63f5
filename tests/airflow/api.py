"""What is asked of an Airflow's REST API, by its administrator."""

from __future__ import annotations

from typing import Any

import httpx

from tests.runner.world import until

USER, PASSWORD = "airflow", "Airflow-pw1!"
DAGS = ("solve_model_dag", "graph_coloring", "drill")
INTERNAL = ("update_all_schemas", "update_dag_registry")
"""In the order in which they sync the registry."""
FINAL = ("success", "failed")


class Api:
    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(
            base_url=f"{url}/api/v1", auth=(USER, PASSWORD), timeout=30, trust_env=False
        )

    def knows(self, *dags: str) -> bool:
        """Whether the scheduler has read these from the folder."""
        told = self.http.get("/dags", params={"limit": 100}).json()["dags"]
        return set(dags) <= {one["dag_id"] for one in told}

    def import_errors(self) -> list[Any]:
        found: list[Any] = self.http.get("/importErrors").json()["import_errors"]
        return found

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """Oldest first."""
        found = self.http.get(f"/dags/{dag}/dagRuns", params={"order_by": "start_date"})
        runs: list[dict[str, Any]] = found.raise_for_status().json()["dag_runs"]
        return runs

    def state(self, dag: str, run: str) -> str:
        return str(self.http.get(f"/dags/{dag}/dagRuns/{run}").raise_for_status().json()["state"])

    def run_to_the_end(self, dag: str) -> None:
        """Starts an internal workflow and waits for its success."""
        reply = self.http.post(f"/dags/{dag}/dagRuns", json={})
        run = reply.raise_for_status().json()["dag_run_id"]
        until(lambda: self.state(dag, run) in FINAL, f"{dag} ends", 90)
        assert self.state(dag, run) == "success", f"{dag} failed; see its log in Airflow"

    def sync(self) -> None:
        """Schemas and examples to Airflow's variables, workflows into Cornflow's registry."""
        until(lambda: self.knows(*DAGS, *INTERNAL), "Airflow has read the DAG folder", 90)
        for dag in INTERNAL:
            self.run_to_the_end(dag)
