"""Airflow's client against a stand-in over real HTTP, beside the legacy's client on the same server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from cornflow_f.constants import ExecutionState
from cornflow_f.errors import OrchestratorError
from cornflow_f.orchestrators.airflow import Airflow
from cornflow_f.orchestrators.http import NoReply
from parity_tests.stage.process import free_port
from parity_tests.stage.services.servers import airflow as stand_in
from parity_tests.stage.services.servers.standin import HANG_UP, PASSWORD, USER, Answer, Call
from tests.port.orchestrator_outcome import Crashed, Refused, of_legacy, of_port, same

STATES = {"success": 1, "running": 0, "failed": -1, "queued": -7}
"""The legacy's own map; what is not in it is -5."""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(version: str) -> Iterator[Callable[..., stand_in.Airflow]]:
    servers: list[stand_in.Airflow] = []

    def build(mode: str = "") -> stand_in.Airflow:
        servers.append(stand_in.Airflow(version, mode))
        return servers[-1]

    yield build
    for server in servers:
        server.stop()


def ported(url: str | None, client: httpx.AsyncClient, timeout: float = 5.0) -> Airflow:
    return Airflow(url, USER, PASSWORD, client, timeout)


def legacy(url: str) -> Any:
    module = pytest.importorskip("cornflow_client.airflow.api")
    return module.Airflow(url, USER, PASSWORD)


def paths(server: stand_in.Airflow) -> list[tuple[str, str]]:
    return [(call.method, call.path) for call in server.calls]


# --- the same outcome as the legacy's client ------------------------------------------------------------------


@pytest.mark.legacy
@pytest.mark.parametrize("mode", stand_in.MODES)
async def test_health_agrees(start: Any, client: httpx.AsyncClient, mode: str) -> None:
    server = start(mode)
    old, new = legacy(server.url), ported(server.url, client)
    assert await of_legacy(old.is_alive) == await of_port(new.is_alive())


DAGS = sorted({*stand_in.FAULTS, *stand_in.STATES, stand_in.PAUSED, "usual"})


@pytest.mark.legacy
@pytest.mark.parametrize("checks", [False, True])
@pytest.mark.parametrize("dag", DAGS)
async def test_whole_life_agrees(
    start: Any, client: httpx.AsyncClient, dag: str, checks: bool
) -> None:
    """Info, run, state, stop: each side on a stand-in of its own, and both saw the same calls."""
    servers = [start(), start()]
    old, new = legacy(servers[0].url), ported(servers[1].url, client)
    assert await of_legacy(old.is_alive)
    assert await new.is_alive()

    def info() -> Any:
        found = old.get_workflow_info(dag, checks_and_kpis_workflow=checks).json()
        return found.get("is_paused")

    async def new_info() -> Any:
        return (await new.workflow(dag, checks=checks)).is_paused

    def run() -> Any:
        return old.run_workflow("x1", dag, checks_and_kpis_only=checks, case_id=7).json()[
            "dag_run_id"
        ]

    def state_of(run_id: str) -> Any:
        told = old.get_run_status(dag, run_id, checks_and_kpis_workflow=checks).json()["state"]
        return STATES.get(told, -5)

    async def new_run() -> str:
        run_id = await new.run(dag, "x1", checks=checks, case_id=7)
        if run_id is None:
            # the caller decides about it: see services/launch.py
            raise OrchestratorError("no id")
        return run_id

    assert same(await of_legacy(info), await of_port(new_info()))
    runs = await of_legacy(run), await of_port(new_run())
    assert same(*runs)
    if isinstance(runs[0], str):
        for _ in range(3):
            states = (
                await of_legacy(lambda: state_of(runs[0])),
                await of_port(new.state_of(dag, runs[0], checks=checks)),
            )
            assert same(*states)
        stopped = (
            await of_legacy(
                lambda: (
                    old.set_dag_run_to_fail(
                        dag, runs[0], checks_and_kpis_workflow=checks
                    ).status_code
                    and None
                )
            ),
            await of_port(new.stop(dag, runs[0], checks=checks)),
        )
        assert same(*stopped)
    if "hang-up" not in dag:
        seen = [[(c.method, c.path, c.body) for c in server.effects()] for server in servers]
        assert seen[0] == seen[1]


@pytest.mark.legacy
@pytest.mark.parametrize("dag", ["usual", "variable-404", "variable-malformed"])
@pytest.mark.parametrize("schema", ["instance", "config", "kpis", "none"])
async def test_schemas_agree(start: Any, client: httpx.AsyncClient, dag: str, schema: str) -> None:
    server = start()
    old, new = legacy(server.url), ported(server.url, client)
    assert same(
        await of_legacy(lambda: old.get_one_schema(dag, schema)),
        await of_port(new.get_one_schema(dag, schema)),
    )


@pytest.mark.legacy
@pytest.mark.parametrize(
    "mode", ["wrong-password", "token-500", "token-malformed", "token-expires"]
)
async def test_refused_credentials_agree(start: Any, client: httpx.AsyncClient, mode: str) -> None:
    servers = [start(mode), start(mode)]
    old, new = legacy(servers[0].url), ported(servers[1].url, client)

    async def paused() -> bool | None:
        return (await new.workflow("usual")).is_paused

    found = await of_legacy(lambda: old.get_workflow_info("usual").json()["is_paused"])
    assert same(found, await of_port(paused()))


@pytest.mark.legacy
async def test_stopping_what_never_ran(start: Any, client: httpx.AsyncClient) -> None:
    servers = [start(), start()]
    old, new = legacy(servers[0].url), ported(servers[1].url, client)
    found = await of_legacy(lambda: old.set_dag_run_to_fail("usual", None))
    assert same(found, await of_port(new.stop("usual", None)))
    assert servers[0].effects() == servers[1].effects()


@pytest.mark.legacy
async def test_down_agrees(client: httpx.AsyncClient) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    old, new = legacy(url), ported(url, client)
    assert await of_legacy(old.is_alive) is False
    assert await new.is_alive() is False
    assert await of_legacy(lambda: old.get_workflow_info("usual")) == Crashed()
    refused = await of_port(new.workflow("usual"))
    assert refused == Refused("Airflow is not reachable (ConnectError)", 400)


# --- what only the port does ----------------------------------------------------------------------------------


async def test_slow_is_given_up(
    start: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Answer(200, {"is_paused": False, "dag_run_id": "x", "state": "running"}, delay=20.0)
    monkeypatch.setitem(stand_in.FAULTS, "slow", (stand_in.ParameterKind.INFO, late))
    server = start()
    new = ported(server.url, client, timeout=2.0)
    assert await new.is_alive()
    server.calls.clear()
    began = time.monotonic()
    with pytest.raises(NoReply, match="ReadTimeout"):
        await new.workflow("slow")
    assert time.monotonic() - began < 15
    reads = [path for _, path in paths(server) if path.endswith("/dags/slow")]
    assert len(reads) == 1, "a time-out is not tried again"


async def test_slow_health_is_no_health(
    start: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start()
    usual = server.answer

    def late(call: Call) -> Answer:
        answer = usual(call)
        return Answer(answer.status, answer.body, delay=20.0)

    monkeypatch.setattr(server, "answer", late)
    assert not await ported(server.url, client, timeout=0.2).is_alive()


async def test_reads_are_tried_again(
    start: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start()
    new = ported(server.url, client)
    assert await new.is_alive()
    usual: Callable[[Call], Answer] = server.answer
    hung_up: list[Call] = []

    def hang_up_once(call: Call) -> Answer:
        if call.path.endswith("/dags/usual") and not hung_up:
            hung_up.append(call)
            return Answer(HANG_UP)
        return usual(call)

    monkeypatch.setattr(server, "answer", hang_up_once)
    assert (await new.workflow("usual")).is_paused is False
    assert hung_up


async def test_a_run_is_never_started_twice(start: Any, client: httpx.AsyncClient) -> None:
    server = start()
    with pytest.raises(NoReply):
        await ported(server.url, client).run("run-hang-up", "x1")
    started = [method for method, path in paths(server) if path.endswith("/dagRuns")]
    assert started == ["POST"]


async def test_version_and_token_are_found_once(start: Any, client: httpx.AsyncClient) -> None:
    server = start()
    new = ported(server.url, client)
    await asyncio.gather(*(new.workflow("usual") for _ in range(5)))
    for _ in range(3):
        await new.workflow("usual")
    assert server.tokens == (1 if server.version == "v2" else 0)
    server.calls.clear()
    assert await new.is_alive()
    assert len(server.calls) == 1, "the other version is not asked any more"


async def test_a_server_that_was_upgraded(client: httpx.AsyncClient) -> None:
    with stand_in.Airflow("v1") as server:
        new = ported(server.url, client)
        assert await new.is_alive()
        server.version = "v2"
        assert await new.is_alive()
        assert await new.run("usual", "x1") is not None


async def test_an_error_page_does_not_decide_the_version(client: httpx.AsyncClient) -> None:
    with stand_in.Airflow("v1", "health-401") as server:
        new = ported(server.url, client)
        assert not await new.is_alive()
        server.version, server.mode = "v2", ""
        assert (await new.workflow("usual")).is_paused is False


async def test_names_stay_in_their_segment(start: Any, client: httpx.AsyncClient) -> None:
    server = start()
    new = ported(server.url, client)
    with pytest.raises(OrchestratorError):
        await new.workflow("../variables/secret?x=1#y")
    assert server.calls[-1].path.endswith("/dags/../variables/secret?x=1#y")


class _ChangedSecret:
    """An Airflow 3 that takes the second token only, and refuses others as it was told to."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body, self.tokens, self.calls = status, body, 0, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/api/v1/health"):
            return httpx.Response(404)
        if request.url.path.endswith("/health"):
            healthy = {"status": "healthy"}
            return httpx.Response(200, json={"metadatabase": healthy, "scheduler": healthy})
        if request.url.path == "/auth/token":
            self.tokens += 1
            return httpx.Response(201, json={"access_token": f"token-{self.tokens}"})
        self.calls += 1
        if request.headers["authorization"] == "Bearer token-2":
            return httpx.Response(200, json={"is_paused": False})
        return httpx.Response(self.status, text=self.body)


@pytest.mark.parametrize(
    ("status", "body", "renews"),
    [
        (401, "", True),
        (403, '{"detail":"Invalid JWT token"}', True),
        (403, '{"detail":"Forbidden"}', False),
        (400, '{"detail":"Invalid JWT token"}', False),
    ],
)
async def test_a_token_of_another_secret_is_renewed(status: int, body: str, renews: bool) -> None:
    server = _ChangedSecret(status, body)
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as client:
        new = ported("http://airflow", client)
        if renews:
            assert (await new.workflow("usual")).is_paused is False
            assert (await new.workflow("usual")).is_paused is False
            assert (server.tokens, server.calls) == (2, 3)
        else:
            with pytest.raises(OrchestratorError):
                await new.workflow("usual")
            assert (server.tokens, server.calls) == (1, 1)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_is_always_refused_is_renewed_once(status: int) -> None:
    class Never(_ChangedSecret):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            request.headers["authorization"] = "Bearer of another"
            return super().__call__(request)

    server = Never(status, '{"detail":"Invalid JWT token"}')
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as client:
        new = ported("http://airflow", client)
        for attempt in (1, 2):
            with pytest.raises(OrchestratorError):
                await new.workflow("usual")
            assert server.calls == 2 * attempt, "once more, and no more"
        assert server.tokens == 3


async def test_many_at_once_renew_together() -> None:
    server = _ChangedSecret(403, '{"detail":"Invalid JWT token"}')
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as client:
        new = ported("http://airflow", client)
        assert await asyncio.gather(*(new.workflow("usual") for _ in range(10)))
        assert server.tokens == 2


async def test_without_an_address(client: httpx.AsyncClient) -> None:
    new = ported(None, client)
    assert not await new.is_alive()
    with pytest.raises(OrchestratorError, match="AIRFLOW_URL is not set"):
        await new.run("usual", "x1")


async def test_states(start: Any, client: httpx.AsyncClient) -> None:
    new = ported(start().url, client)
    run_id = await new.run("usual", "x1")
    assert run_id is not None
    found = [await new.state_of("usual", run_id) for _ in range(4)]
    end = [ExecutionState.CORRECT, ExecutionState.CORRECT]
    assert found == [ExecutionState.QUEUED, ExecutionState.RUNNING, *end]
