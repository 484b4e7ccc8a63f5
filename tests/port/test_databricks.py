"""Databricks' client against a stand-in over real HTTP, beside the legacy's client on the same server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from cornflow_f.orchestrators.databricks import NO_HEALTH_PATH, Databricks
from cornflow_f.orchestrators.http import NoReply
from parity_tests.stage.services.servers import databricks as stand_in
from parity_tests.stage.services.servers.standin import HANG_UP, PASSWORD, USER, Answer, Call
from tests.port.orchestrator_outcome import Refused, of_legacy, of_port, same

ENDPOINT = "/oidc/v1/token"
HEALTH = "/Workspace"
STATES = {
    "BLOCKED": -7, "PENDING": -7, "QUEUED": -7, "RUNNING": 0, "TERMINATING": 0, "SUCCESS": 1,
    "USER_CANCELED": -2, "OTHER_FINISH_ERROR": -1, "RUN_EXECUTION_ERROR": -1,
}  # fmt: skip
"""The legacy's own map; what is not in it is -5."""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def start() -> Iterator[Callable[..., stand_in.Databricks]]:
    servers: list[stand_in.Databricks] = []

    def build(mode: str = "") -> stand_in.Databricks:
        servers.append(stand_in.Databricks(mode))
        return servers[-1]

    yield build
    for server in servers:
        server.stop()


def ported(
    url: str, client: httpx.AsyncClient, timeout: float = 5.0, health: str = HEALTH
) -> Databricks:
    return Databricks(url, USER, PASSWORD, ENDPOINT, health, client, timeout)


class Legacy:
    """The legacy's client, in the application context that it needs to write its log."""

    def __init__(self, url: str, health: str = HEALTH) -> None:
        flask = pytest.importorskip("flask")
        module = pytest.importorskip("cornflow_client.databricks.api")
        self._app = flask.Flask("legacy")
        self._app.logger.disabled = True
        self._health = health
        self._client = module.Databricks(url, PASSWORD, ENDPOINT, None, USER)

    def is_alive(self) -> Any:
        with self._app.app_context():
            return self._client.is_alive({"DATABRICKS_HEALTH_PATH": self._health})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.mark.legacy
@pytest.mark.parametrize("mode", stand_in.MODES)
async def test_health_agrees(start: Any, client: httpx.AsyncClient, mode: str) -> None:
    # one server each: a token that expires at once is not the same for the second who asks
    servers = [start(mode), start(mode)]
    old, new = Legacy(servers[0].url), ported(servers[1].url, client)
    found = await of_legacy(old.is_alive)
    if mode == "token-expires":
        # the port asks for another token, the legacy for one with every call
        assert (found, await new.is_alive()) == (False, True)
        return
    assert found == await of_port(new.is_alive())


@pytest.mark.legacy
async def test_no_health_path_is_no_health(start: Any, client: httpx.AsyncClient) -> None:
    server = start()
    old = Legacy(server.url, NO_HEALTH_PATH)
    new = ported(server.url, client, health=NO_HEALTH_PATH)
    assert await of_legacy(old.is_alive) is False
    assert await new.is_alive() is False
    assert server.calls == []


JOBS = sorted({*stand_in.FAULTS, *stand_in.STATES, "usual", "979073949072767"})


@pytest.mark.legacy
@pytest.mark.parametrize("job", JOBS)
async def test_whole_life_agrees(start: Any, client: httpx.AsyncClient, job: str) -> None:
    """Info, run, state: each side on a stand-in of its own, and both saw the same calls."""
    servers = [start(), start()]
    old, new = Legacy(servers[0].url), ported(servers[1].url, client)

    def info() -> Any:
        return old.get_workflow_info(job).json() and None

    async def new_info() -> None:
        await new.workflow(job)

    def run() -> Any:
        return old.run_workflow("x1", job).json()["run_id"]

    def state_of(run_id: str) -> Any:
        return STATES.get(old.get_run_status(job, run_id), -5)

    async def new_run() -> Any:
        run_id = await new.run(job, "x1")
        return Refused("no id", 400) if run_id is None else int(run_id)

    assert same(await of_legacy(info), await of_port(new_info()))
    runs = await of_legacy(run), await of_port(new_run())
    assert same(*runs)
    if isinstance(runs[0], int):
        run_id = str(runs[0])
        for _ in range(3):
            states = (
                await of_legacy(lambda: state_of(run_id)),
                await of_port(new.state_of(job, run_id)),
            )
            assert same(*states)
    if "hang-up" not in job:
        seen = [[(c.method, c.path, c.body) for c in server.effects()] for server in servers]
        assert seen[0] == seen[1]


@pytest.mark.parametrize("mode", ["wrong-password", "token-500", "token-malformed"])
async def test_without_a_token(start: Any, client: httpx.AsyncClient, mode: str) -> None:
    new = ported(start(mode).url, client)
    assert not await new.is_alive()
    refused = await of_port(new.run("usual", "x1"))
    assert isinstance(refused, Refused)
    assert refused.status >= 400


async def test_token_is_kept(start: Any, client: httpx.AsyncClient) -> None:
    server = start()
    new = ported(server.url, client)
    await asyncio.gather(*(new.workflow("usual") for _ in range(5)))
    assert server.tokens == 1


async def test_token_without_a_lifetime_is_used_once(start: Any, client: httpx.AsyncClient) -> None:
    server = start("token-forever")
    new = ported(server.url, client)
    await new.workflow("usual")
    await new.workflow("usual")
    assert server.tokens == 2


async def test_a_run_is_never_started_twice(start: Any, client: httpx.AsyncClient) -> None:
    server = start()
    with pytest.raises(NoReply):
        await ported(server.url, client).run("run-hang-up", "x1")
    assert [c.method for c in server.calls if c.path.endswith("/run-now/")] == ["POST"]


async def test_reads_are_tried_again(
    start: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start()
    usual: Callable[[Call], Answer] = server.answer
    hung_up: list[Call] = []

    def hang_up_once(call: Call) -> Answer:
        if call.path.endswith("/jobs/get/") and not hung_up:
            hung_up.append(call)
            return Answer(HANG_UP)
        return usual(call)

    monkeypatch.setattr(server, "answer", hang_up_once)
    assert (await ported(server.url, client).workflow("usual")).is_paused is False
    assert hung_up


async def test_slow_is_given_up(
    start: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = ("/api/2.1/jobs/get/", Answer(200, {}, delay=20.0))
    monkeypatch.setitem(stand_in.FAULTS, "slow", late)
    with pytest.raises(NoReply, match="ReadTimeout"):
        await ported(start().url, client, timeout=2.0).workflow("slow")


async def test_down(client: httpx.AsyncClient) -> None:
    new = ported("http://127.0.0.1:9", client)
    assert not await new.is_alive()
    with pytest.raises(NoReply, match="Databricks is not reachable"):
        await new.run("usual", "x1")


def test_stopping_is_not_offered() -> None:
    assert not Databricks.can_stop
