"""What others write while the orchestrator is asked for a state stays."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from parity_tests.stage.services.servers import airflow as stand_in
from parity_tests.stage.services.servers.standin import PASSWORD, USER, Answer, Call
from tests.port.conftest import Port, StartPort

RUNS = "/dagRuns/"


class Slow(stand_in.Airflow):
    """Takes its time to tell the state of a run, the first time that it is asked."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        super().__init__()

    def answer(self, call: Call) -> Answer:
        told = super().answer(call)
        if RUNS not in call.path or self._asked.is_set():
            return told
        self._asked.set()
        return replace(told, delay=0.7)

    async def asked(self) -> None:
        assert await asyncio.to_thread(self._asked.wait, 10)


@pytest.fixture
def airflow() -> Iterator[Slow]:
    with Slow() as server:
        yield server


@pytest.fixture
async def port(start_port: StartPort, airflow: Slow) -> Port:
    return await start_port(AIRFLOW_URL=airflow.url, AIRFLOW_USER=USER, AIRFLOW_PWD=PASSWORD)


@pytest.fixture(params=["long", "succeeds"])
async def execution(port: Port, request: pytest.FixtureRequest) -> str:
    """One whose run the stand-in calls running, or successful."""
    dag = request.param
    kinds = ("instance", "solution", "instance_checks", "solution_checks", "kpis", "config")
    workflow = {"id": dag, "description": "", **{f"{kind}_schema": {} for kind in kinds}}
    await port.call("POST", "/dag/deployed/", as_="service_user", json=workflow)
    body = {"name": "x", "schema": dag, "data": {"a": 1}}
    instance = (await port.call("POST", "/instance/", as_="planner", json=body)).json()["id"]
    asked = {"name": "x", "schema": dag, "instance_id": instance, "config": {}}
    made = await port.call("POST", "/execution/", as_="planner", json=asked)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def meanwhile(port: Port, airflow: Slow, ask: str, method: str, path: str, body: Any) -> Any:
    """What the question is answered, when the other request is made while Airflow thinks about it."""
    question = asyncio.create_task(port.call("GET", ask, as_="planner"))
    await airflow.asked()
    user = "planner" if method == "POST" else "service_user"
    reply = await port.call(method, path, as_=user, json=body)
    assert reply.status_code == 200, reply.text
    return (await question).json()


async def stored(port: Port, execution: str) -> Any:
    return (await port.call("GET", f"/execution/{execution}/", as_="planner")).json()["state"]


async def test_the_result_of_a_worker_stays(port: Port, airflow: Slow, execution: str) -> None:
    told = await meanwhile(
        port, airflow, f"/execution/{execution}/status/",
        "PUT", f"/dag/{execution}/", {"state": -6},
    )  # fmt: skip
    assert (told["state"], told["message"]) == (
        -6,
        "The execution executed ok but failed while saving it.",
    )
    assert await stored(port, execution) == -6


async def test_a_stop_stays(port: Port, airflow: Slow, execution: str) -> None:
    told = await meanwhile(
        port, airflow, f"/execution/{execution}/status/", "POST", f"/execution/{execution}/", None
    )
    assert told["state"] == -2
    assert await stored(port, execution) == -2


async def test_a_list_overwrites_nothing(port: Port, airflow: Slow, execution: str) -> None:
    await meanwhile(
        port, airflow, "/execution/", "PUT", f"/dag/{execution}/", {"state": 1, "data": {}}
    )
    assert await stored(port, execution) == 1


async def test_without_others_the_orchestrators_word_counts(port: Port, execution: str) -> None:
    told = (await port.call("GET", f"/execution/{execution}/status/", as_="planner")).json()
    assert told["state"] in (0, 1)
    assert await stored(port, execution) == told["state"]
