"""Modes: stored once, seen by every process, kept when the database is away."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from legacy_bridge.bridge import census_of
from legacy_bridge.modes.decisions import decide
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.plans import set_mode
from legacy_bridge.modes.selection import ModeError, UnknownOperationError, select
from legacy_bridge.modes.store import ModeStore, Stored, StoredMode, StoreError
from legacy_bridge.operations.match import Infrastructure, NoMethod, NoOperation, OptionsRequest
from legacy_bridge.operations.operation import Assignment, Mode, Operation, Stack
from tests.bridge.pair import PORTED, pair_rules

CENSUS = census_of(pair_rules(), PORTED)
THINGS, ADD = Operation("GET", "/thing/"), Operation("POST", "/thing/")
ITEM, CHANGE = Operation("GET", "/thing/<int:idx>/"), Operation("PUT", "/thing/<int:idx>/")
ME: dict[str, Any] = {"who": "me", "why": "a test"}


def stored(**modes: str) -> Stored:
    now = datetime.now(UTC).replace(tzinfo=None)
    return Stored(1, {name: StoredMode(mode, now, "me", "") for name, mode in modes.items()})


def test_default_is_the_legacy() -> None:
    decisions = decide(stored(), CENSUS)
    assert decisions.stack(THINGS) is Stack.LEGACY
    assert decisions.stack(CHANGE) is Stack.LEGACY
    assert decide(stored(), CENSUS, default=Mode.PORTED).stack(THINGS) is Stack.PORTED
    assert decide(stored(), CENSUS, default=Mode.PORTED).stack(CHANGE) is Stack.LEGACY


def test_a_stored_default_wins_over_the_process_own() -> None:
    decisions = decide(stored(**{"*": "ported", str(ADD): "legacy"}), CENSUS)
    assert decisions.stack(THINGS) is Stack.PORTED
    assert decisions.stack(ADD) is Stack.LEGACY


def test_options_follow_when_all_that_can_be_ported_is() -> None:
    one = decide(stored(**{str(THINGS): "ported"}), CENSUS)
    assert one.stack(OptionsRequest("/thing/")) is Stack.LEGACY
    both = decide(stored(**{str(THINGS): "ported", str(ADD): "ported"}), CENSUS)
    assert both.stack(OptionsRequest("/thing/")) is Stack.PORTED
    # PUT of this rule is not ported, so it does not hold its GET back.
    item = decide(stored(**{str(ITEM): "ported"}), CENSUS)
    assert item.stack(OptionsRequest("/thing/<int:idx>/")) is Stack.PORTED
    assert item.stack(OptionsRequest("/echo/")) is Stack.LEGACY


def test_what_is_no_operation_is_the_legacys_while_there_is_one() -> None:
    everything = decide(stored(), CENSUS, default=Mode.PORTED)
    alone = decide(stored(), CENSUS, with_legacy=False)
    for match in (NoOperation(), NoMethod(), Infrastructure("/static/")):
        assert everything.stack(match) is Stack.LEGACY
        assert alone.stack(match) is Stack.PORTED


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("GET /gone/", "ported", "no such operation"),
        (str(CHANGE), "ported", "does not implement"),
        (str(THINGS), "dreaming", "unknown here"),
    ],
)
def test_rows_without_effect_leave_the_legacy_in_charge(name: str, mode: str, reason: str) -> None:
    decisions = decide(stored(**{name: mode}), CENSUS, default=Mode.PORTED)
    assert reason in decisions.ignored[0]
    if name != "GET /gone/":
        assert decisions.stack(Operation.parse(name)) is Stack.LEGACY


def test_selecting() -> None:
    assert select(CENSUS, "all-ported") == sorted(CENSUS.ported)
    assert select(CENSUS, "GET  /thing/") == [THINGS]
    assert select(CENSUS, "* /thing/<int:idx>/") == [ITEM, CHANGE]
    with pytest.raises(UnknownOperationError, match="near: 'GET /thing/'"):
        select(CENSUS, "GET /things/")
    with pytest.raises(UnknownOperationError, match="cutover census"):
        select(CENSUS, "zzzzzz")


def test_only_what_is_ported_can_be_set_to_it() -> None:
    items, to_ported, to_legacy = (
        "* /thing/<int:idx>/",
        Assignment(Mode.PORTED),
        Assignment(Mode.LEGACY),
    )
    with pytest.raises(ModeError, match=r"does not implement 'PUT /thing/<int:idx>/'"):
        set_mode(CENSUS, stored(), items, to_ported)
    assert len(set_mode(CENSUS, stored(), items, to_legacy).modes) == 2
    with pytest.raises(ModeError, match="no legacy"):
        set_mode(CENSUS, stored(), "all-ported", to_legacy, with_legacy=False)


@asynccontextmanager
async def owner(url: str, **options: Any) -> AsyncIterator[Ownership]:
    made = Ownership(ModeStore(url), CENSUS, **options)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def follows(one: Ownership, operation: Operation, stack: Stack, within: float = 60) -> bool:
    """Long, for a machine that does much else; real processes are measured in `test_replicas`."""
    deadline = time.monotonic() + within
    while one.decisions.stack(operation) is not stack:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def test_every_process_follows_within_two_seconds(database_url: str) -> None:
    async with owner(database_url) as first, owner(database_url) as second:
        done = await first.change("GET /thing/", Mode.PORTED, **ME)
        assert [(one.operation, one.from_mode, one.to_mode) for one in done] == [
            ("GET /thing/", "legacy", "ported")
        ]
        assert first.decisions.stack(THINGS) is Stack.PORTED, "the writer follows at once"
        assert second.poll_seconds <= 1, "it looks twice in that time"
        assert await follows(second, THINGS, Stack.PORTED)
        assert await second.change("GET /thing/", Mode.PORTED, **ME) == [], "nothing to change"
        await second.change("all-ported", Mode.LEGACY, **ME)
        assert await follows(first, THINGS, Stack.LEGACY)


async def test_history_says_who_when_and_why(database_url: str) -> None:
    async with owner(database_url, default=Mode.PORTED) as one:
        await one.change("GET /thing/", Mode.LEGACY, who="ann", why="a bug")
        await one.change("GET /thing/", Mode.PORTED, who="bob", why="mended")
        newest, oldest = await one.store.history()
    assert (newest.changed_by, newest.why) == ("bob", "mended")
    assert (oldest.from_mode, oldest.to_mode, oldest.changed_by) == ("ported", "legacy", "ann")
    assert abs((datetime.now(UTC).replace(tzinfo=None) - oldest.changed_at).total_seconds()) < 60


async def test_tables_are_made_by_many_at_once(database_url: str) -> None:
    stores = [ModeStore(database_url) for _ in range(4)]
    try:
        await asyncio.gather(*(store.create() for store in stores))
        assert {await store.revision() for store in stores} == {0}
    finally:
        await asyncio.gather(*(store.close() for store in stores))


async def test_no_change_is_lost_between_many_writers(database_url: str) -> None:
    """Each writer changes its own operation; the revision counts all."""
    stores = [ModeStore(database_url) for _ in range(4)]
    try:
        await stores[0].create()
        await asyncio.gather(
            *(
                store.change({f"GET /{number}/": "ported"}, unset="legacy", who="me", why="")
                for number, store in enumerate(stores)
            )
        )
        found = await stores[0].load()
        assert found.revision == 4
        assert len(found.modes) == 4
    finally:
        await asyncio.gather(*(store.close() for store in stores))


async def test_last_known_modes_stay_while_the_database_is_down(tmp_path: Path) -> None:
    file = tmp_path / "modes.db"
    async with owner(f"sqlite:///{file}", poll_seconds=0.05) as one:
        await one.change("GET /thing/", Mode.PORTED, **ME)
        with sqlite3.connect(file, timeout=60) as breaking:
            breaking.execute("ALTER TABLE bridge_revision RENAME TO away")
        for _ in range(1200):
            if one.trouble is not None:
                break
            await asyncio.sleep(0.05)
        assert one.trouble is not None
        assert one.decisions.stack(THINGS) is Stack.PORTED
        with sqlite3.connect(file, timeout=60) as mending:
            mending.execute("ALTER TABLE away RENAME TO bridge_revision")
            mending.execute("UPDATE bridge_mode SET mode = 'legacy'")
            mending.execute("UPDATE bridge_revision SET revision = revision + 1")
        assert await follows(one, THINGS, Stack.LEGACY)
        assert one.trouble is None


@pytest.mark.postgresql
async def test_postgresql_may_restart(postgresql_server: Any, postgresql_url: str) -> None:
    """All connections are cut, as a restart cuts them."""
    async with owner(postgresql_url, poll_seconds=0.1) as one:
        name = postgresql_url.rsplit("/", 1)[-1].partition("?")[0]
        postgresql_server.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND pid <> pg_backend_pid();"
        )
        await one.change("GET /thing/", Mode.PORTED, **ME)
        assert one.decisions.stack(THINGS) is Stack.PORTED


async def test_a_process_that_never_knew_the_modes_does_not_guess(tmp_path: Path) -> None:
    one = Ownership(ModeStore(f"sqlite:///{tmp_path / 'no-folder' / 'modes.db'}"), CENSUS)
    with pytest.raises(StoreError, match="unable to open"):
        await one.start()
    await one.stop()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///modes.db", "relative"),
        ("sqlite://", "memory"),
        ("mysql://x/y", "not supported"),
        ("::", "can't be read"),
    ],
)
def test_an_address_that_can_not_work_is_told(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        ModeStore(url)


async def test_errors_show_no_password(tmp_path: Path) -> None:
    store = ModeStore("postgresql://user:geheim@127.0.0.1:9/x")
    with pytest.raises(StoreError) as caught:
        await store.revision()
    assert "geheim" not in str(caught.value)
    await store.close()
