"""Cornflow and a real Airflow, end to end, served by each stack: through cornflow_client, with our DAG folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.airflow.api import DAGS, INTERNAL
from tests.airflow.conftest import STACKS
from tests.airflow.journey import Outcome
from tests.airflow.server import Airflow
from tests.bridge import cornflow_stack

SOLVED, STOPPED, RUNNING = 1, -2, 0
KINDS = ("instance", "solution", "config", "instance_checks", "solution_checks", "kpis")

_REGISTER = """
import os, warnings
warnings.filterwarnings("ignore")
from cornflow.app import create_app
app = create_app("production")
with app.app_context():
    from cornflow.commands import register_deployed_dags_command
    from cornflow.models import DeployedWorkflow
    told = (os.environ["AIRFLOW_URL"], os.environ["AIRFLOW_USER"], os.environ["AIRFLOW_PWD"])
    assert register_deployed_dags_command(*told)
    print("registered:", *sorted(one.id for one in DeployedWorkflow.get_all_objects()))
"""


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def outcome(played: Mapping[str, Outcome], stack: str) -> Outcome:
    return played[stack]


def test_both_stacks_come_to_the_same(played: Mapping[str, Outcome]) -> None:
    """Everything the client was told, but for ids, moments and durations."""
    legacy, ported = (dict(played[stack]) for stack in STACKS)
    for found in (legacy, ported):
        del found["modes"], found["seconds"]
    assert ported == legacy


def test_one_stack_answers_everything(outcome: Outcome, stack: str) -> None:
    assert outcome["modes"] == {stack}
    assert outcome["health"]["backend_status"] == "healthy"


def test_airflow_reads_our_folder(airflow: Airflow, outcome: Outcome) -> None:
    assert airflow.import_errors() == []
    checks = [f"{dag}_check_kpis" for dag in DAGS]
    assert airflow.knows(*DAGS, *checks, *INTERNAL)


def test_the_registry_is_synced(outcome: Outcome) -> None:
    sync = outcome["sync"]
    assert sync["before"] == []
    assert set(sync["registered"]) == set(DAGS)
    assert sync["listed"] == sorted(DAGS)
    for dag, deployed in sync["registered"].items():
        for kind in KINDS:
            assert deployed[f"{kind}_schema"] == sync["schemas"][dag][kind], (dag, kind)
    assert "Petersen" in {one["name"] for one in sync["examples"]["graph_coloring"]}


def test_a_pulp_model_is_solved(outcome: Outcome) -> None:
    found = outcome["solve"]["pulp"]
    assert (found["airflow"], found["status"]["state"]) == ("success", SOLVED)
    values = {one["name"]: one["varValue"] for one in found["solution"]["data"]["variables"]}
    chosen = {name for name, value in values.items() if value}
    assert chosen == {"boots", "map", "rope", "stove"}
    assert found["solution"]["checks"] == {}
    (objective,) = [
        one for one in found["solution"]["kpis"]["summary"] if one["name"] == "objective"
    ]
    assert objective["value"] == 61
    assert found["log"]["log"]["status"] == "Optimal"


def test_a_graph_is_coloured_and_again_by_another_solver(outcome: Outcome) -> None:
    for name, solver, status in (("graph", "cpsat", "Optimal"), ("again", "greedy", "Feasible")):
        found = outcome["solve"][name]
        assert (found["airflow"], found["status"]["state"]) == ("success", SOLVED)
        assert len(found["solution"]["data"]["assignment"]) == 10
        assert found["solution"]["checks"] == {}
        assert len(found["solution"]["kpis"]["colors"]) == 3
        assert found["log"]["log"]["status"] == status
        assert found["log"]["log"]["solver"] == solver


@pytest.mark.parametrize("name", ["infeasible", "wrong instance"])
def test_what_has_no_solution_says_so(outcome: Outcome, name: str) -> None:
    found = outcome["solve"][name]
    # parity: a DAG's word for that is "correct"; the log tells
    assert (found["airflow"], found["status"]["state"]) == ("success", SOLVED)
    assert found["solution"]["data"] is None
    assert found["log"]["log"]["status"] == "Infeasible"


def test_data_is_checked(outcome: Outcome) -> None:
    check = outcome["check"]
    assert {check[name]["airflow"] for name in ("instance", "case", "execution")} == {"success"}
    assert check["checked instance"]["checks"] == {"loops": [{"node": 1}]}
    assert check["checked case"]["checks"] == {}
    assert check["checked case"]["solution_checks"] == {}
    assert len(check["checked case"]["kpis"]["colors"]) == 2
    assert check["execution"]["solution"]["checks"] != {}
    assert check["instance"]["log"]["log_text"] == "Data checked."


def test_a_solve_is_stopped(outcome: Outcome) -> None:
    stop = outcome["stop"]
    assert stop["running"]["state"] == RUNNING
    assert stop["reply"] == {"message": "The execution has been stopped"}
    # at once, and still when Airflow has ended the process
    assert stop["stopped"]["state"] == stop["status"]["state"] == STOPPED
    assert stop["airflow"] == "failed"
    assert stop["solution"]["data"] is None


def test_a_failing_solve_leaves_its_log(outcome: Outcome) -> None:
    fail = outcome["fail"]
    assert fail["airflow"] == "failed"
    assert fail["said"] == ["drill: raise after 0.0 s"]
    assert fail["solution"]["data"] is None
    # parity: the worker sends its log after state -1, and that sets the state to 1
    # (docs/legacy-behaviour.md, "A failed solve can end as solved correctly")
    assert fail["status"]["state"] == SOLVED


def test_the_legacys_own_command_registers_our_folder(
    played: Mapping[str, Outcome], orchestrator: Mapping[str, str], tmp_path: Path
) -> None:
    """Unmodified, on an empty database; it reads the variables that update_all_schemas has stored."""
    environment = {**cornflow_stack.environment(tmp_path), **orchestrator}
    cornflow_stack.run("cornflow_f.cli", "migrations", "upgrade", env=environment)
    done = subprocess.run(
        [sys.executable, "-c", _REGISTER],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"registered: {' '.join(sorted(DAGS))}" in done.stdout
