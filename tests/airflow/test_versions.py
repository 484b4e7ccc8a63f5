"""The port against real Airflows of several versions, whose secrets change in the middle of a run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from parity_tests.stage.process import free_port
from tests.airflow import environment
from tests.airflow.api import PASSWORD, USER
from tests.airflow.versions import DAG, VersionedAirflow
from tests.port.conftest import Port, StartPort, start_port  # noqa: F401 - a fixture

KINDS = ("instance", "solution", "instance_checks", "solution_checks", "kpis", "config")
FINAL = (1, -1, -3)
NOT_NOW = "Airflow is not accessible"
PATIENCE = 240.0
_ATTEMPTS = 5


@pytest.fixture(scope="module", params=environment.LISTS)
def airflow(
    request: pytest.FixtureRequest,
    facts: list[str],
    postgresql_server: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[VersionedAirflow]:
    name = request.param
    database = name.replace("-", "_").replace(".", "_") + "_of_versions"
    postgresql_server.psql(f"CREATE DATABASE {database};")
    folder = tmp_path_factory.mktemp(name)
    server = VersionedAirflow(name, folder, postgresql_server.get_uri(database), free_port())
    try:
        began = time.monotonic()
        server.start()
        facts.append(
            f"Airflow {server.version}: knows its DAG after {time.monotonic() - began:.0f} s"
        )
        yield server
    finally:
        server.stop()


async def new_port(start: StartPort, airflow: VersionedAirflow, password: str = PASSWORD) -> Port:
    return await start(
        AIRFLOW_URL=airflow.url,
        AIRFLOW_USER=USER,
        AIRFLOW_PWD=password,
        CORNFLOW_SERVICE_USER="service_user",
    )


async def instance_of(port: Port) -> str:
    workflow = {"id": DAG, "description": "", **{f"{kind}_schema": {} for kind in KINDS}}
    await port.call("POST", "/dag/deployed/", as_="service_user", json=workflow)
    body = {"name": "x", "schema": DAG, "data": {"a": 1}}
    return str((await port.call("POST", "/instance/", as_="planner", json=body)).json()["id"])


async def create(port: Port, instance: str, query: str = "") -> Any:
    body = {"name": "x", "schema": DAG, "instance_id": instance, "config": {}}
    return await port.call("POST", f"/execution/{query}", as_="planner", json=body)


async def state(port: Port, idx: str) -> int:
    reply = await port.call("GET", f"/execution/{idx}/status/", as_="planner")
    # 400 with state -3: for a moment its scheduler says nothing, on a busy machine
    assert reply.status_code == 200 or NOT_NOW in reply.text, reply.text
    return int(reply.json()["state"])


async def ended(port: Port, idx: str) -> int:
    deadline = time.monotonic() + PATIENCE
    while (now := await state(port, idx)) not in FINAL:
        assert time.monotonic() < deadline, f"the execution stays at {now}"
        await asyncio.sleep(1)
    return now


async def test_a_wrong_password_names_the_settings(
    start_port: StartPort,  # noqa: F811
    airflow: VersionedAirflow,
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = await new_port(start_port, airflow, "not-the-password")
    instance = await instance_of(port)
    with caplog.at_level(logging.ERROR):
        reply = await create(port, instance)
    # Airflow 2 takes it for somebody without an account
    assert reply.status_code == (401 if airflow.is_new else 403)
    assert "check AIRFLOW_USER and AIRFLOW_PWD" in caplog.text
    health = (await port.call("GET", "/health/", as_=None)).json()
    assert health["backend_status"] == "unhealthy"


async def test_stopping_what_never_ran(
    start_port: StartPort,  # noqa: F811
    airflow: VersionedAirflow,
) -> None:
    port = await new_port(start_port, airflow)
    idx = (await create(port, await instance_of(port), "?run=0")).json()["id"]
    reply = await port.call("POST", f"/execution/{idx}/", as_="planner")
    assert reply.status_code == (404 if airflow.is_new else 400)
    assert "execution_date" not in reply.text


async def test_the_secret_changes_in_the_middle_of_a_run(
    start_port: StartPort,  # noqa: F811
    airflow: VersionedAirflow,
    facts: list[str],
) -> None:
    port = await new_port(start_port, airflow)
    instance = await instance_of(port)
    before = (await create(port, instance)).json()
    assert before["state"] == -7, before
    deadline = time.monotonic() + PATIENCE
    while await state(port, before["id"]) != 0:
        assert time.monotonic() < deadline, "it does not begin to run"
        await asyncio.sleep(1)

    old = await asyncio.to_thread(airflow.token) if airflow.is_new else ""
    await asyncio.to_thread(airflow.change_secrets)
    if airflow.is_new:
        # the fault is there: what Airflow 3 says to a token of its old secret
        refused = await asyncio.to_thread(airflow.with_token, old)
        facts.append(f"Airflow {airflow.version}: {refused.status_code} {refused.text.strip()}")
        assert refused.status_code in (401, 403)

    # the same port, the same process: it learns how the run ended, and starts another
    first = await ended(port, before["id"])
    ends: list[int] = []
    while 1 not in ends:
        # Airflow on a busy machine loses a task now and then; that the port starts it, and learns of it, counts
        assert len(ends) < _ATTEMPTS, f"no run ends well: {ends}"
        reply = await create(port, instance)
        assert reply.status_code == 201 or NOT_NOW in reply.text, reply.text
        made = reply.json()
        ends.append(await ended(port, made["id"]) if reply.status_code == 201 else made["state"])
    facts.append(
        f"Airflow {airflow.version}: secrets changed while a run went on, which ended as {first}; "
        f"the next of the same port: {ends}"
    )
