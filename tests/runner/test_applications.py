"""The applications that come with the runner, without a server: what they solve and what they notice."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

pytest.importorskip("cornflow_client", reason="install cornflow-client")

from embedded_runner.applications.graph_coloring import GraphColoring
from embedded_runner.applications.graph_coloring.solvers import greedy
from embedded_runner.applications.pulp_model import PulpModel
from embedded_runner.worker import within


def edges(pairs: Any) -> dict[str, Any]:
    return {"edges": [{"from": one, "to": other} for one, other in pairs]}


def fewest(nodes: int, pairs: list[tuple[int, int]]) -> int:
    """By trying everything: the oracle for small graphs."""
    for count in range(1, nodes + 1):
        for colors in itertools.product(range(count), repeat=nodes):
            if all(colors[one] != colors[other] for one, other in pairs):
                return count
    raise AssertionError("a graph has a colouring")


@pytest.mark.parametrize("seed", range(12))
def test_cpsat_needs_no_more_colours_than_there_must_be(seed: int) -> None:
    chance = random.Random(seed)
    every = list(itertools.combinations(range(6), 2))
    pairs = chance.sample(every, chance.randint(1, len(every)))
    names = {node: number for number, node in enumerate(sorted({n for p in pairs for n in p}))}
    pairs = [(names[one], names[other]) for one, other in pairs]
    solution, checks, _, kpis, _, _, _, log = GraphColoring().solve(
        edges(pairs), {"solver": "cpsat", "msg": False}
    )
    wanted = fewest(len(names), pairs)
    assert checks == {}
    assert kpis["summary"][0] == {"name": "colors", "value": wanted}
    assert log["best_bound"] == wanted
    used = {one["node"]: one["color"] for one in solution["assignment"]}
    assert all(used[one] != used[other] for one, other in pairs)


@pytest.mark.parametrize("seed", range(5))
def test_greedy_colours_every_node_and_no_two_neighbours_alike(seed: int) -> None:
    chance = random.Random(seed)
    neighbours: dict[int, set[int]] = {n: set() for n in range(60)}
    for one, other in itertools.combinations(neighbours, 2):
        if chance.random() < 0.1:
            neighbours[one].add(other)
            neighbours[other].add(one)
    colors = greedy(neighbours)
    assert colors.keys() == neighbours.keys()
    assert all(colors[n] != colors[other] for n in neighbours for other in neighbours[n])


def model(**changes: Any) -> dict[str, Any]:
    return {
        "parameters": {"name": "m", "sense": -1},
        "objective": {"coefficients": [{"name": "x", "value": 3}, {"name": "y", "value": 2}]},
        "constraints": [
            {"name": "c", "sense": -1, "pi": None, "constant": -4,
             "coefficients": [{"name": "x", "value": 1}, {"name": "y", "value": 1}]},
        ],
        "variables": [
            {"name": "x", "cat": "Integer", "lowBound": 0, "upBound": 2.5},
            {"name": "y", "cat": "Continuous", "lowBound": 0, "upBound": None},
        ],
        **changes,
    }  # fmt: skip


def test_pulp_solves_a_model_with_only_what_the_schema_requires() -> None:
    solution, checks, instance_checks, kpis, _, _, _, log = PulpModel().solve(
        model(), {"msg": False}
    )
    values = {one["name"]: one["varValue"] for one in solution["variables"]}
    assert values == {"x": 2, "y": 2}
    assert checks == instance_checks == {}
    assert kpis["summary"][0] == {"name": "objective", "value": 10.0}
    assert (log["status"], log["sol_code"], log["best_solution"]) == ("Optimal", 2, 10.0)


def test_pulp_says_what_has_no_solution() -> None:
    free = [{"name": "x", "cat": "Continuous", "lowBound": 0}, {"name": "y", "cat": "Continuous"}]
    solution, *_, log = PulpModel().solve(model(constraints=[], variables=free), {"msg": False})
    assert (solution, log["status"]) == ({}, "Unbounded")
    tight = [{**model()["variables"][0], "lowBound": 5, "upBound": 9}, model()["variables"][1]]
    solution, *_, log = PulpModel().solve(model(variables=tight), {"msg": False})
    assert (solution, log["status"]) == ({}, "Infeasible")


def test_pulp_names_what_is_wrong_with_a_model() -> None:
    unknown = {"coefficients": [{"name": "z", "value": 1}]}
    twice = [*model()["variables"], model()["variables"][0]]
    solution, _, checks, *_ = PulpModel().solve(
        model(objective=unknown, variables=twice), {"msg": False}
    )
    assert solution == {}
    assert checks == {
        "unknown_variables": [{"where": "objective", "variable": "z"}],
        "repeated_names": [{"kind": "variables", "name": "x"}],
    }


def test_pulp_checks_a_solution_that_somebody_else_made() -> None:
    wrong = model()
    wrong["variables"][0]["varValue"] = 1.5
    wrong["variables"][1]["varValue"] = 9
    _, checks, kpis, *_ = PulpModel().check_generate_kpis(model(), wrong)
    assert checks["bounds"] == [{"variable": "x", "value": 1.5}]
    assert checks["constraints"] == [{"constraint": "c", "broken_by": 6.5}]
    assert kpis is None


def test_a_user_cannot_make_the_solver_write_files(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    named = tmp_path / "written"
    PulpModel().solve(
        model(),
        {"msg": False, "logPath": str(named), "keepFiles": True, "options": [f"solution {named}"]},
    )
    assert list(tmp_path.iterdir()) == []


def test_a_time_limit_that_the_runner_does_not_allow_is_lowered() -> None:
    schema = {"properties": {"timeLimit": {"type": "number"}}}
    assert within(100, {"timeLimit": 30}, schema) == {"timeLimit": 30}
    assert within(100, {"timeLimit": 1000}, schema) == {"timeLimit": 90}
    assert within(100, {}, schema) == {"timeLimit": 90}
    assert within(100, {}, {"properties": {}}) == {}
    assert within(100, {"seconds": 500}, schema) == {"seconds": 90}
