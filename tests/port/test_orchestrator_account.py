"""Airflow refuses the port's own account, or has no run: log, health and command say whose fault it is."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from cornflow_f.cli import main
from cornflow_f.database.clock import database_now
from cornflow_f.models import Execution
from parity_tests.stage.services.servers import airflow as stand_in
from parity_tests.stage.services.servers.standin import PASSWORD, USER
from tests.port.conftest import Port, StartPort

SETTINGS = "AIRFLOW_USER and AIRFLOW_PWD"
KINDS = ("instance", "solution", "instance_checks", "solution_checks", "kpis", "config")


@pytest.fixture(params=["v1", "v2"])
def airflow(request: pytest.FixtureRequest) -> Iterator[stand_in.Airflow]:
    with stand_in.Airflow(request.param) as server:
        yield server


@pytest.fixture
async def port(start_port: StartPort, airflow: stand_in.Airflow) -> Port:
    return await start_port(
        AIRFLOW_URL=airflow.url,
        AIRFLOW_USER=USER,
        AIRFLOW_PWD=PASSWORD,
        CORNFLOW_SERVICE_USER="service_user",
    )


async def instance_of(port: Port, dag: str) -> str:
    workflow = {"id": dag, "description": "", **{f"{kind}_schema": {} for kind in KINDS}}
    await port.call("POST", "/dag/deployed/", as_="service_user", json=workflow)
    body = {"name": "x", "schema": dag, "data": {"a": 1}}
    reply = await port.call("POST", "/instance/", as_="planner", json=body)
    return str(reply.json()["id"])


async def execution_of(port: Port, dag: str, query: str = "") -> Any:
    body = {"name": "x", "schema": dag, "instance_id": await instance_of(port, dag), "config": {}}
    return await port.call("POST", f"/execution/{query}", as_="planner", json=body)


async def health(port: Port) -> str:
    return str((await port.call("GET", "/health/", as_=None)).json()["backend_status"])


async def test_a_wrong_password_is_the_servers_own(
    port: Port, airflow: stand_in.Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    assert await health(port) == "healthy"
    airflow.mode = "wrong-password"
    with caplog.at_level(logging.ERROR):
        reply = await execution_of(port, "usual")
    # parity: the client gets Airflow's status and text
    assert reply.status_code == 401
    (line,) = [one.getMessage() for one in caplog.records if one.name == "cornflow_f"]
    assert "Airflow refuses the account of this server (HTTP 401), not that of the client" in line
    assert SETTINGS in line
    assert PASSWORD not in line
    assert await health(port) == "unhealthy"
    airflow.mode = ""
    assert await health(port) == "healthy", "it is tried again"
    assert (await execution_of(port, "usual")).status_code == 201


async def test_a_run_that_is_refused_says_so_in_the_log(
    port: Port, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        reply = await execution_of(port, "run-401")
    assert reply.json()["state"] == -1
    (line,) = [one.getMessage() for one in caplog.records if one.name == "cornflow_f"]
    assert SETTINGS in line
    assert await health(port) == "healthy", "the account is taken for everything else"


async def test_stopping_what_never_ran_blames_nobody(port: Port, airflow: stand_in.Airflow) -> None:
    idx = (await execution_of(port, "usual", "?run=0")).json()["id"]
    reply = await port.call("POST", f"/execution/{idx}/", as_="planner")
    if airflow.version == "v1":
        assert (reply.status_code, reply.json()) == (
            400,
            {"error": "The execution has no run that could be stopped"},
        )
    else:
        # parity: Airflow 3 is asked for the run None, and says that there is none
        assert reply.status_code == 404
    assert "execution_date" not in reply.text


async def test_an_execution_without_a_run_does_not_run_for_ever(
    port: Port, airflow: stand_in.Airflow
) -> None:
    airflow.mode = "wrong-password"
    await execution_of(port, "usual")
    airflow.mode = ""

    async def listed() -> list[tuple[int, str]]:
        rows = (await port.call("GET", "/execution/", as_="planner")).json()
        return [(one["state"], one["message"]) for one in rows]

    # parity: it seems to run, and soon after its start it may
    assert [state for state, _ in await listed()] == [0]
    earlier = database_now() - timedelta(minutes=61)
    await port.execute(update(Execution).values(updated_at=earlier))
    assert await listed() == [(-1, "The execution has found an error.")]
    assert (await port.execute(select(Execution.state))).scalar() == -1


async def test_what_runs_by_hand_and_what_has_a_run_is_left(port: Port) -> None:
    idx = (await execution_of(port, "long")).json()["id"]
    idle = (await execution_of(port, "usual", "?run=0")).json()["id"]
    earlier = database_now() - timedelta(days=3)
    await port.execute(update(Execution).values(updated_at=earlier))
    rows = (await port.call("GET", "/execution/", as_="planner")).json()
    assert {one["id"]: one["state"] for one in rows} == {idx: 0, idle: -4}


@pytest.mark.parametrize("mode", ["", "wrong-password"])
async def test_dags_sync_names_the_settings(
    port: Port,
    airflow: stand_in.Airflow,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    mode: str,
) -> None:
    import asyncio

    airflow.mode = mode
    for name, value in {
        "DATABASE_URL": sqlite_url,
        "SECRET_KEY": "a-secret-that-is-long-enough-for-tests",
        "AIRFLOW_URL": airflow.url,
        "AIRFLOW_USER": USER,
        "AIRFLOW_PWD": PASSWORD,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("cornflow_f.migration.run.check_ready", _ready)
    invoke: Callable[[], Any] = lambda: CliRunner().invoke(main, ["dags", "sync"])  # noqa: E731
    result = await asyncio.to_thread(invoke)
    if mode:
        assert result.exit_code == 2
        assert f"Airflow at {airflow.url} refuses the user '{USER}' (HTTP 401)" in result.output
        assert f"check {SETTINGS}" in result.output
        assert PASSWORD not in result.output
    else:
        assert "check AIRFLOW_USER" not in result.output


async def _ready(*_: Any) -> None:
    """The port of the test has made the tables."""
