"""Port and bridge behind a real PgBouncer in transaction mode: each transaction may be on another connection."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from cornflow_f.migration import run as migrate
from legacy_bridge.modes.state import Stored
from legacy_bridge.modes.store import ModeStore, Writes
from tests.port.conftest import Port, StartPort
from tests.servers.pgbouncer import transaction_pooler

pytestmark = pytest.mark.postgresql


@pytest.fixture
def pooled_url(postgresql_url: str) -> Iterator[str]:
    """The database through the pooler, without a word of it."""
    url = make_url(postgresql_url)
    with transaction_pooler(Path(str(url.query["host"]))) as address:
        yield f"postgresql://postgres@{address}/{url.database}"


async def statuses(port: Port, rounds: int = 8) -> Counter[int]:
    """What many clients at once get who read and write."""

    async def client(number: int) -> list[int]:
        got = []
        for turn in range(rounds):
            name = {"name": f"role-{number}-{turn}"}
            for method, path, body in (
                ("GET", "/user/", None),
                ("POST", "/roles/", name),
                ("GET", "/roles/", None),
                ("GET", "/case/", None),
            ):
                reply = await port.call(method, path, json=body)
                got.append(reply.status_code)
        return got

    counted: Counter[int] = Counter()
    for one in await asyncio.gather(*(client(number) for number in range(12))):
        counted.update(one)
    return counted


async def test_the_port_works_behind_it(pooled_url: str, start_port: StartPort) -> None:
    port = await start_port(f"{pooled_url}?pgbouncer=true")
    assert await statuses(port) == {200: 3 * 96, 201: 96}
    roles = (await port.call("GET", "/roles/")).json()
    assert len({role["name"] for role in roles}) == 5 + 96


async def test_without_the_word_it_does_not(pooled_url: str, start_port: StartPort) -> None:
    """What the parameter is for: statements with names are on other connections than those that use them."""
    port = await start_port(f"{pooled_url}?pgbouncer=true")
    told_nothing = await start_port(pooled_url, seed=False)
    counted = await statuses(told_nothing)
    assert set(counted) - {200, 201}, counted
    assert (await port.call("GET", "/user/")).status_code == 200


async def test_a_database_is_migrated_behind_it(pooled_url: str) -> None:
    url = f"{pooled_url}?pgbouncer=true"
    moved = await asyncio.gather(*(migrate.upgrade(url) for _ in range(3)))
    assert [one.after for one in moved] == [(migrate.head_revision(),)] * 3
    await migrate.check_ready(url)


async def test_the_bridge_works_behind_it(pooled_url: str) -> None:
    stores = [ModeStore(f"{pooled_url}?pgbouncer=true") for _ in range(6)]
    await asyncio.gather(*(store.create() for store in stores))

    async def work(number: int, store: ModeStore) -> None:
        for turn in range(10):
            modes = {f"GET /thing-{number}/{turn}/": "ported"}

            def plan(_: Stored, modes: Any = modes) -> Writes:
                return Writes(modes=modes)

            await store.apply(plan, unset="legacy", who="test", why="pooler")
            await store.revision()
            await store.load()

    await asyncio.gather(*(work(number, store) for number, store in enumerate(stores)))
    stored = await stores[0].load()
    assert len(stored.modes) == 60
    for store in stores:
        await store.close()


async def test_an_outage_is_503_for_writes_too(postgresql_url: str, start_port: StartPort) -> None:
    """The database goes away while many write: each write is acknowledged, or refused as unavailable."""
    url = make_url(postgresql_url)
    counted: Counter[int] = Counter()
    with ExitStack() as outage:
        address = outage.enter_context(transaction_pooler(Path(str(url.query["host"]))))
        port = await start_port(f"postgresql://postgres@{address}/{url.database}?pgbouncer=true")
        away = asyncio.Event()

        async def write(number: int) -> None:
            after = 0
            for turn in range(1000):
                name = {"name": f"role-{number}-{turn}"}
                reply = await port.call("POST", "/roles/", json=name)
                counted[reply.status_code] += 1
                if reply.status_code == 503:
                    assert reply.headers["retry-after"] == "5"
                after += away.is_set()
                if after == 3:
                    return

        writers = [asyncio.create_task(write(number)) for number in range(12)]
        async with asyncio.timeout(120):
            while counted[201] < 40:  # noqa: ASYNC110 (it is a number)
                await asyncio.sleep(0.01)
        await asyncio.to_thread(outage.close)
        away.set()
        await asyncio.gather(*writers)
    assert set(counted) == {201, 503}, counted
    assert counted[503] >= 3 * 12 - 12
