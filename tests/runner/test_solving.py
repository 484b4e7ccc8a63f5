"""The unmodified legacy solves for real, through the runner, as it would through Airflow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runner.conftest import StartRunner
from tests.runner.world import World

pytestmark = pytest.mark.legacy


def example(world: World, schema: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = world.http.get(f"/example/{schema}/{name}/").json()
    return found


def test_every_example_ends_as_it_should(world: World, start_runner: StartRunner) -> None:
    start_runner()
    schemas = {one["name"] for one in world.http.get("/schema/").json()}
    assert {"solve_model_dag", "graph_coloring"} <= schemas
    wanted = {
        ("solve_model_dag", "Knapsack"): ("Optimal", 61.0),
        ("solve_model_dag", "Too little capacity"): ("Infeasible", None),
        ("graph_coloring", "Petersen"): ("Optimal", 3.0),
        ("graph_coloring", "Grid"): ("Optimal", 2.0),
        ("graph_coloring", "Too few colors"): ("Infeasible", None),
    }
    names = [
        (schema, one["name"])
        for schema in ("solve_model_dag", "graph_coloring")
        for one in world.http.get(f"/example/{schema}/").json()
    ]
    assert set(names) == set(wanted)
    started = {
        (schema, name): world.execute(schema, example(world, schema, name)["instance"])
        for schema, name in names
    }
    for key, execution in started.items():
        status, objective = wanted[key]
        assert world.end(execution) == 1, key
        log = world.log(execution)
        assert log["log"]["status"] == status, key
        assert log["log"].get("best_solution") == objective, key
        assert log["log_text"], key
        data = world.data(execution)
        if objective is None:
            assert data["data"] is None
        else:
            assert data["data"]
            assert data["checks"] == {}
            assert data["kpis"]["summary"][0]["value"] == objective
        assert world.run(execution)["state"] == "success"


def test_the_solver_of_the_config_is_taken(world: World, start_runner: StartRunner) -> None:
    start_runner()
    petersen = example(world, "graph_coloring", "Petersen")["instance"]
    execution = world.execute("graph_coloring", petersen, {"solver": "greedy"})
    assert world.end(execution) == 1
    assert world.log(execution)["log"]["solver"] == "greedy"
    assert world.log(execution)["log"]["status"] == "Feasible"
    assert "greedy: 3 colors" in world.log(execution)["log_text"]


def test_an_instance_with_errors_is_not_solved_and_says_why(
    world: World, start_runner: StartRunner
) -> None:
    start_runner()
    loop = {"edges": [{"from": 1, "to": 1}, {"from": 1, "to": 2}]}
    execution = world.execute("graph_coloring", loop)
    assert world.end(execution) == 1
    assert world.log(execution)["log"]["status"] == "Infeasible"
    instance = world.http.get(f"/execution/{execution}/").json()["instance_id"]
    checks = world.http.get(f"/instance/{instance}/data/").json()["checks"]
    assert checks == {"loops": [{"node": 1}]}


def test_data_checks_of_execution_instance_and_case(
    world: World, start_runner: StartRunner
) -> None:
    start_runner()
    grid = example(world, "graph_coloring", "Grid")
    execution = world.execute("graph_coloring", grid["instance"])
    assert world.end(execution) == 1
    log = world.log(execution)["log_text"]
    wrong = {"assignment": [{**one, "color": 0} for one in grid["solution"]["assignment"]]}
    assert world.http.put(f"/execution/{execution}/", json={"data": wrong}).status_code == 200

    assert world.http.post(f"/data-check-kpis/execution/{execution}/").status_code == 201
    assert world.end(execution) == 1
    checked = world.data(execution)
    assert len(checked["checks"]["conflicts"]) == 40
    assert checked["kpis"] is None
    assert world.log(execution)["log_text"] == log, "the log of the solve stays"

    instance = world.instance("graph_coloring", {"edges": [{"from": 3, "to": 3}]})
    reply = world.http.post(f"/data-check-kpis/instance/{instance}/")
    assert world.end(reply.json()["id"]) == 1
    assert world.log(reply.json()["id"])["log_text"] == "Data checked."
    checks = world.http.get(f"/instance/{instance}/data/").json()["checks"]
    assert checks == {"loops": [{"node": 3}]}

    body = {"name": "case", "schema": "graph_coloring", "data": grid["instance"]}
    case = world.http.post("/case/", json={**body, "solution": grid["solution"]}).json()["id"]
    reply = world.http.post(f"/data-check-kpis/case/{case}/")
    assert world.end(reply.json()["id"]) == 1
    stored = world.http.get(f"/case/{case}/data/").json()
    assert stored["checks"] == {}
    assert stored["solution_checks"] == {}
    assert stored["kpis"]["summary"][0] == {"name": "colors", "value": 2}


def test_a_paused_workflow_is_not_started(world: World, start_runner: StartRunner) -> None:
    runner = start_runner()
    url = "/api/v1/dags/drill"
    assert world.airflow.patch(url, json={"is_paused": True}).json()["is_paused"] is True
    runner.kill()
    start_runner()
    execution = world.execute("drill", {"do": "solve"}, status=400)
    assert world.stored_state(execution) == -3
    assert world.airflow.patch(url, json={"is_paused": False}).status_code == 200
    assert world.end(world.drill("solve")) == 1
