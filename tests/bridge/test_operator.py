"""What operators do: groups move together, what was taken back stays back, everything is written down."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from legacy_bridge.bridge import census_of
from legacy_bridge.control.operator import Operator
from legacy_bridge.control.overview import status_of
from legacy_bridge.database.tables import METADATA
from legacy_bridge.evidence.recorder import Recorder
from legacy_bridge.evidence.warden import WHO, Warden
from legacy_bridge.modes.decisions import Decision
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.selection import HeldError, ModeError
from legacy_bridge.modes.state import NoteKind, RampState
from legacy_bridge.modes.store import ModeStore, RecordedChange
from legacy_bridge.operations.operation import Assignment, Mode, Operation, Stack
from tests.bridge.pair import PORTED, pair_rules

CENSUS = census_of(pair_rules(), PORTED)
THINGS, ADD = Operation("GET", "/thing/"), Operation("POST", "/thing/")
FAILS = Operation("GET", "/fails/")


@asynccontextmanager
async def operating(url: str, who: str = "ann", **options: Any) -> AsyncIterator[Operator]:
    owner = Ownership(ModeStore(url), CENSUS, **options)
    await owner.read()
    try:
        yield Operator(owner, who, "a test")
    finally:
        await owner.stop()


def mode_of(operator: Operator, operation: Operation) -> str:
    return str(operator.ownership.decisions.assignment(operation))


def decision(operator: Operator, operation: Operation, stack: Stack) -> Decision:
    """As the dispatcher would have it for somebody whom that stack answers."""
    found = operator.ownership.decisions
    return Decision(
        operation, stack, None, found.mode(operation), found.trials[operation], str(operation)
    )


async def test_a_group_is_set_ramped_and_rolled_back_as_one(database_url: str) -> None:
    async with operating(database_url) as operator, operating(database_url, "bob") as other:
        await operator.declare_group("things", ["* /thing/"])
        await operator.set_mode(str(ADD), "canary 5%")
        assert mode_of(operator, THINGS) == mode_of(operator, ADD) == "canary 5%"
        await operator.start_ramp("things", "10,100", samples=1, seconds=0)
        assert mode_of(operator, THINGS) == "canary 10%"
        assert mode_of(operator, FAILS) == "legacy"
        with pytest.raises(ModeError, match="on a ramp already"):
            await operator.start_ramp(str(THINGS))
        await other.rollback(str(THINGS))
        await operator.ownership.refresh()
        assert mode_of(operator, ADD) == "legacy"
        assert operator.ownership.stored.ramps["things"].state is RampState.ROLLED_BACK
        tries: list[Awaitable[list[RecordedChange]]] = [
            operator.set_mode(str(ADD), "ported"),
            operator.set_share("things", 1),
            operator.start_ramp("all-ported"),
        ]
        for one in tries:
            with pytest.raises(HeldError, match=r"rolled back by bob \(a test\).*--again"):
                await one
        await operator.set_mode(str(ADD), "legacy")
        assert "things" in operator.ownership.stored.of(NoteKind.HOLD), "the legacy is no new try"
        await operator.set_share("things", 25, again=True)
        assert mode_of(operator, THINGS) == "canary 25%"
        assert not operator.ownership.stored.of(NoteKind.HOLD)


async def test_the_kill_switch_keeps_the_modes(database_url: str) -> None:
    async with operating(database_url) as operator, operating(database_url) as other:
        await operator.set_mode("all-ported", Mode.MIRROR)
        await operator.kill()
        assert mode_of(operator, THINGS) == "legacy"
        await operator.set_mode(str(FAILS), "shadow")
        assert mode_of(operator, FAILS) == "legacy", "the switch is over all"
        assert await operator.kill() == []
        await other.ownership.refresh()
        killed = status_of(other.ownership)["killed"]
        assert (killed["by"], killed["why"]) == ("ann", "a test")
        await other.unkill()
        assert mode_of(other, THINGS) == "mirror"
        assert mode_of(other, FAILS) == "shadow"


async def test_every_kind_of_change_is_in_the_audit_trail(database_url: str) -> None:
    async with operating(database_url) as operator:
        await operator.declare_group("things", [str(THINGS), str(ADD)])
        await operator.set_budget("things", {"errors": 0.2})
        await operator.set_budget("*", {"samples": "7"})
        await operator.set_sticky("cookie:session")
        await operator.start_ramp("things", "1,2")
        await operator.pause("things")
        await operator.resume("things")
        await operator.abort("things")
        await operator.rollback("things")
        await operator.kill()
        await operator.unkill()
        await operator.drop_group("things")
        await operator.set_budget("*", {})
        trail = list(reversed(await operator.history()))
        stored = operator.ownership.stored
    assert {one.kind for one in trail} == {
        "mode", "group", "budget", "setting", "ramp", "hold", "switch"
    }  # fmt: skip
    assert {(one.changed_by, one.why) for one in trail} == {("ann", "a test")}
    ramp = [one.to_mode.partition(",")[0] for one in trail if one.kind == "ramp"]
    assert ramp == ["running", "paused", "running", "aborted"]
    budgets = [(one.operation, one.to_mode) for one in trail if one.kind == "budget"]
    assert budgets == [("things", "errors 0.2"), ("*", "samples 7"), ("*", "")]
    assert set(stored.of(NoteKind.HOLD)) == {str(THINGS), str(ADD)}, "the members stay back alone"


@pytest.mark.parametrize(
    ("name", "members", "says"),
    [
        ("a b", [str(THINGS)], "can't name a group"),
        ("items", ["* /thing/<int:idx>/"], "does not implement"),
        ("nothing", ["GET /nowhere/"], "no operation is called"),
        ("mixed", [str(THINGS), str(FAILS)], "in different modes"),
        ("second", [str(ADD)], "belongs to the group 'first'"),
    ],
)
async def test_groups_that_can_not_be(
    modes_url: str, name: str, members: list[str], says: str
) -> None:
    async with operating(modes_url) as operator:
        await operator.declare_group("first", [str(ADD)])
        await operator.set_mode(str(FAILS), "shadow")
        with pytest.raises(ModeError, match=says):
            await operator.declare_group(name, members)
        # Said and unsaid, it is the same mode.
        await operator.set_mode(str(THINGS), "shadow")
        await operator.set_mode(str(THINGS), "legacy")
        await operator.declare_group("first", [str(ADD), str(THINGS)])
        # Who leaves a group that was rolled back stays back too.
        await operator.rollback("first")
        await operator.declare_group("first", [str(ADD)])
        assert set(operator.ownership.stored.of(NoteKind.HOLD)) == {"first", str(THINGS)}
        assert list(operator.ownership.stored.groups) == ["first"]


async def test_what_can_not_be_is_told(modes_url: str) -> None:
    async with operating(modes_url) as operator:
        tries: list[tuple[Awaitable[list[RecordedChange]], str]] = [
            (operator.set_mode(str(THINGS), "canary"), "say the share"),
            (operator.start_ramp(str(THINGS), "5,1"), "does not go further"),
            (operator.pause(str(THINGS)), "no ramp that is running"),
            (operator.set_budget("* /thing/", {"errors": 1}), "means 2 operations"),
            (operator.set_budget("*", {"speed": 1}), "a budget has no 'speed'"),
            (operator.set_sticky("moon"), "cookie:NAME"),
            (operator.drop_group("things"), "no group"),
            (operator.rollback("PUT /thing/<int:idx>/"), "implements none of it"),
        ]
        for one, says in tries:
            with pytest.raises(ModeError, match=says):
                await one
        assert await operator.history() == []


async def test_of_many_workers_one_takes_the_step(database_url: str) -> None:
    async with (
        operating(database_url) as first,
        operating(database_url) as second,
        operating(database_url) as third,
    ):
        await first.start_ramp(str(THINGS), "10,50", samples=3, seconds=0)
        wardens = []
        for one in (first, second, third):
            await one.ownership.refresh()
            warden = Warden(one.ownership, Recorder())
            for _ in range(10):
                made = decision(one, THINGS, Stack.PORTED)
                warden.recorder.request(made, Stack.PORTED, 200, 0.01)
            wardens.append(warden)
        await asyncio.gather(*(warden.flush() for warden in wardens))
        await asyncio.gather(*(warden.look() for warden in wardens))
        await first.ownership.refresh()
        assert mode_of(first, THINGS) == "canary 50%"
        assert first.ownership.stored.ramps[str(THINGS)].step == 1
        taken = [one for one in await first.history() if one.changed_by == WHO]
        assert [one.kind for one in taken] == ["mode", "ramp"], "by one, once"
        assert "30 samples" in taken[0].why
        await wardens[1].look()
        assert mode_of(second, THINGS) == "canary 50%", "evidence of the step before does not count"


async def test_a_breach_takes_the_group_back_with_examples(database_url: str) -> None:
    async with operating(database_url) as one, operating(database_url) as other:
        await one.declare_group("things", [str(THINGS), str(ADD)])
        await one.set_mode("things", "canary 50%")
        await other.ownership.refresh()
        here, there = Warden(one.ownership, Recorder()), Warden(other.ownership, Recorder())
        bad = decision(one, ADD, Stack.PORTED)
        for warden in (here, there):
            for _ in range(2):
                warden.recorder.request(bad, Stack.PORTED, 500, 0.01)
            warden.recorder.example(str(ADD), bad.trial, "error", {"path": "/thing/"})
            await warden.look()
        assert mode_of(other, THINGS) == "legacy"
        assert await one.breaches(name="things")
        (found,) = await one.breaches()
        assert found.operation == str(ADD)
        assert found.content["ported"]["short"]["errors"] == 4, "the evidence of both workers"
        assert [example["path"] for example in found.content["examples"]] == ["/thing/"] * 2
        assert "4 of 4 requests failed" in found.content["reason"]
        await one.ownership.refresh()
        with pytest.raises(HeldError):
            await one.set_mode(str(THINGS), "ported")
        # Tried again, the old evidence does not take it back.
        await one.set_mode("things", "canary 50%", again=True)
        await here.look()
        assert mode_of(one, THINGS) == "canary 50%"


async def test_what_is_shadowed_by_hand_is_judged_and_stays(modes_url: str) -> None:
    async with operating(modes_url) as operator:
        warden = Warden(operator.ownership, Recorder())
        await operator.set_mode(str(THINGS), "shadow")
        await _ten_failures(operator, warden)
        assert mode_of(operator, THINGS) == "shadow"
        assert warden.trials()[0].judgement.verdict == "breach"
        await operator.set_mode(str(THINGS), "legacy")
        await operator.start_ramp(str(THINGS), "shadow,50")
        await _ten_failures(operator, warden)
        assert mode_of(operator, THINGS) == "legacy", "a ramp does not go on from there"


async def _ten_failures(operator: Operator, warden: Warden) -> None:
    made = decision(operator, THINGS, Stack.PORTED)
    for _ in range(10):
        warden.recorder.request(made, Stack.PORTED, 500, 0.01)
    await warden.look()


async def test_counts_wait_while_the_database_is_away_and_never_grow(tmp_path: Path) -> None:
    file = tmp_path / "modes.db"
    async with operating(f"sqlite:///{file}", default=Mode.PORTED) as operator:
        recorder = Recorder()
        made = Decision(THINGS, Stack.PORTED, None, Mode.PORTED, 0, str(THINGS))
        now = time.time()
        for turn in range(10_000):
            # Two hours without a database, a request every second or so.
            recorder.request(made, Stack.PORTED, 200, 0.01)
            batch = recorder.batch(now + turn * 0.72)
        assert batch is not None
        assert len(batch.rows) < 100
        assert recorder.lost > 0
        warden = Warden(operator.ownership, recorder)
        await warden.store.write(batch)
        await warden.store.write(batch)
        rows = await warden.store.read(now + 7200)
        fine = sum(row.tally.requests for row in rows if row.span == 10)
        assert 700 < fine < 1000, "the last ten minutes, once"
        coarse = sum(row.tally.requests for row in rows if row.span == 600)
        assert coarse == 10_000, "and the hours before"


async def test_what_fails_while_the_database_is_away_is_nobody_s_fault(tmp_path: Path) -> None:
    file = tmp_path / "modes.db"
    async with operating(f"sqlite:///{file}") as operator:
        await operator.set_mode(str(THINGS), "ported")
        warden = Warden(operator.ownership, Recorder(), period=0.05)
        await warden.start()
        made = decision(operator, THINGS, Stack.PORTED)

        def fail() -> None:
            for _ in range(10):
                warden.recorder.request(made, Stack.PORTED, 500, 0.01)

        with sqlite3.connect(file, timeout=60) as breaking:
            breaking.execute("ALTER TABLE bridge_evidence_sheet RENAME TO away")
        fail()  # before it is known
        while not warden.recorder.excusing:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
        fail()
        with sqlite3.connect(file, timeout=60) as mending:
            mending.execute("ALTER TABLE away RENAME TO bridge_evidence_sheet")
        while warden.recorder.excusing:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert mode_of(operator, THINGS) == "ported"
        fail()
        for _ in range(3000):
            await asyncio.sleep(0.02)
            if mode_of(operator, THINGS) == "legacy":
                break
        assert mode_of(operator, THINGS) == "legacy", "afterwards it counts again"
        await warden.stop()


async def test_examples_are_few_and_the_newest(modes_url: str) -> None:
    async with operating(modes_url) as operator:
        warden = Warden(operator.ownership, Recorder())
        for turn in range(30):
            for number in range(20):
                warden.recorder.example("GET /x/", 1, "error", {"turn": turn, "number": number})
            await warden.flush()
        found = await warden.store.examples("GET /x/", limit=1000)
        assert len(found) == 40
        assert found[0].content["turn"] == 29
        assert {one.content["number"] for one in found} == {0, 1, 2, 3, 4}


def test_a_database_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    """Its three tables as they were, with what they held."""
    file = tmp_path / "old.db"
    old = [METADATA.tables[f"bridge_{name}"] for name in ("mode", "history", "revision")]
    columns = {table.name: [column.name for column in table.columns] for table in old}
    assert columns == {
        "bridge_mode": ["operation", "mode", "changed_at", "changed_by", "why"],
        "bridge_history": [
            "id", "changed_at", "changed_by", "operation", "from_mode", "to_mode", "why"
        ],
        "bridge_revision": ["id", "revision"],
    }  # fmt: skip
    with sqlite3.connect(file, timeout=60) as connection:
        connection.executescript("""
            CREATE TABLE bridge_mode (operation VARCHAR(500) NOT NULL, mode VARCHAR(32) NOT NULL,
                changed_at DATETIME NOT NULL, changed_by VARCHAR(200) NOT NULL, why TEXT NOT NULL,
                PRIMARY KEY (operation));
            CREATE TABLE bridge_history (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                changed_at DATETIME NOT NULL, changed_by VARCHAR(200) NOT NULL,
                operation VARCHAR(500) NOT NULL, from_mode VARCHAR(32) NOT NULL,
                to_mode VARCHAR(32) NOT NULL, why TEXT NOT NULL);
            CREATE TABLE bridge_revision (id INTEGER NOT NULL PRIMARY KEY, revision INTEGER NOT NULL);
            INSERT INTO bridge_revision VALUES (1, 41);
            INSERT INTO bridge_mode VALUES
                ('GET /thing/', 'ported', '2026-01-01 00:00:00.000000', 'old', 'long ago');
            INSERT INTO bridge_history VALUES
                (1, '2026-01-01 00:00:00.000000', 'old', 'GET /thing/', 'legacy', 'ported', 'x');
        """)

    async def use() -> None:
        async with operating(f"sqlite:///{file}") as operator:
            assert mode_of(operator, THINGS) == "ported"
            await operator.start_ramp(str(ADD), "5,100")
            assert operator.ownership.decisions.revision == 42
            trail = await operator.history()
            assert {one.changed_by for one in trail} == {"old", "ann"}

    asyncio.run(use())


def test_an_older_replica_takes_a_mode_it_does_not_know_for_legacy() -> None:
    assert str(Assignment.parse("canary 12.5%")) not in {"legacy", "ported"}
    assert len(str(Assignment.parse("canary 33.33%"))) < 32, "what the old column holds"
