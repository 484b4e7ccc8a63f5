"""Shadowed and mirrored requests on the real pair: compared in full, leaving nothing behind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cornflow_cutover.shadow.comparer import CornflowComparer
from legacy_bridge.operations.operation import Operation, Stack
from legacy_bridge.shadow.verdict import Reason
from tests.bridge.cornflow_stack import environment, seed

Told = dict[str, Any]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What came of the requests in `shadow_drill`, once on each kind of database."""
    folder = tmp_path_factory.mktemp("shadow")
    url = f"sqlite:///{folder / 'cornflow.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        server.psql("DROP DATABASE IF EXISTS shadow_drill;")
        server.psql("CREATE DATABASE shadow_drill;")
        url = server.get_uri("shadow_drill")
    env = environment(folder, DATABASE_URL=url)
    seed(env)
    command = [sys.executable, "-m", "tests.bridge.shadow_drill"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, env=env, cwd=root, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: Told = json.loads(done.stdout.rpartition("\nANSWER:")[2])
    return found


def places(entry: Told) -> list[str]:
    return [one["place"] for example in entry["examples"] for one in example["differences"]]


WRITES = (
    "deploy",
    "sign up",
    "sign up again",
    "post instance",
    "put instance",
    "refused instance",
    "post case",
    "put case",
    "run execution",
    "status of execution",
    "delete case",
    "delete instance",
    "recover password",
)


@pytest.mark.parametrize("name", WRITES)
def test_a_shadowed_write_is_the_same_and_changes_no_row(told: Told, name: str) -> None:
    entry = told["log"][name]
    assert entry["verdict"] == "same", entry
    assert entry["still"] is True, "the database, its counters included, is as the legacy left it"


def test_orchestrator_and_mail_server_hear_of_each_request_once(told: Told) -> None:
    assert told["runs"] == ["/api/v1/dags/solve_model_dag/dagRuns"]
    assert [mail["to"] for mail in told["mails"]] == ["ana@cornflow.org"]


def test_a_bug_in_a_reply_is_a_difference_with_its_place(told: Told) -> None:
    entry = told["log"]["bug in a reply"]
    assert (entry["verdict"], places(entry)) == ("different", ["body/name"])
    example = entry["examples"][0]
    assert "Bearer" not in json.dumps(example), "no token in an example"
    assert (example["legacy"]["body"]["name"], example["ported"]["body"]["name"]) == ("c", "C")


def test_a_column_the_port_would_not_write_is_a_difference(told: Told) -> None:
    entry = told["log"]["bug in a row"]
    assert (entry["verdict"], entry["still"]) == ("different", True)
    assert any(
        place.startswith("rows/cases/") and place.endswith("/description")
        for place in places(entry)
    )


def test_what_changed_meanwhile_is_no_difference(told: Told) -> None:
    assert told["meanwhile"] == {
        "write": ["PUT inconclusive: changed meanwhile", "PUT same: "],
        "read": ["GET inconclusive: changed meanwhile", "PUT same: "],
        "write that read it": ["POST inconclusive: changed meanwhile", "PUT same: "],
    }


def test_a_client_does_not_wait_for_a_shadow(told: Told) -> None:
    """The shadow holds the client's row for five seconds."""
    assert told["in the way"]["status"] == 200
    assert told["in the way"]["seconds"] < 4


def test_a_burst_is_dropped_and_every_pair_is_accounted_for(told: Told) -> None:
    burst = told["burst"]
    assert (burst["queued"], burst["all"]) == (5, 20)
    assert burst["told"]["dropped: queue full"] == 14


@pytest.mark.parametrize("name", ["sign up", "mail", "read", "read after a kill"])
def test_a_process_of_its_own_compares_the_same(told: Told, name: str) -> None:
    entry = told["log"][f"{name}, apart"]
    assert entry["verdict"] == "same", entry
    assert entry["still"] in (True, None)
    assert told["apart"]["starts"] == 2, "it was replaced after it was killed"
    assert told["mails at the end"] == 2


def test_mirrored_reads_are_compared_and_writes_are_not(told: Told) -> None:
    log = told["log"]
    assert log["mirrored read"]["verdict"] == "same"
    assert log["mirrored write"]["verdict"] == "not comparable: write"
    assert (log["mirrored bug"]["verdict"], places(log["mirrored bug"])) == (
        "different",
        ["body/2/username"],
    )


def test_writes_of_a_legacy_elsewhere_are_not_compared() -> None:
    comparer = CornflowComparer("sqlite:////x.db", environment={}, legacy_in_process=False)
    wanted = {
        ("POST", "/case/"): Reason.WRITE,
        ("GET", "/case/"): None,
        ("GET", "/execution/<string:idx>/status/"): Reason.WRITE,
    }
    for (method, rule), reason in wanted.items():
        operation = Operation(method, rule)
        assert comparer.refuses(operation, Stack.PORTED, method) is reason
