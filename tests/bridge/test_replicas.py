"""Three real processes on PostgreSQL: they agree, whoever of them is killed, and a bug is taken back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from legacy_bridge.assembly import ownership
from legacy_bridge.control.operator import Operator
from legacy_bridge.modes.canary import Sticky, identity, number, seed_of
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.selection import HeldError
from legacy_bridge.modes.state import SALT, NoteKind, RampState, seconds
from legacy_bridge.modes.store import RecordedChange
from legacy_bridge.operations.operation import Assignment, Mode
from legacy_bridge.settings import BridgeSettings
from tests.bridge.following import WITHIN
from tests.bridge.live_assembly import assemble
from tests.bridge.replicas import Clients, Replicas, Reply

pytestmark = pytest.mark.postgresql

GROUP = "notes"
NOTES = ("GET /note/", "POST /note/")


@asynccontextmanager
async def operating() -> AsyncIterator[Ownership]:
    owner = ownership(assemble(), BridgeSettings())
    await owner.read()
    try:
        yield owner
    finally:
        await owner.stop()


async def until(condition: Callable[[], Any], owner: Ownership, within: float) -> float:
    """Reads what is stored until the condition holds; when that was."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {owner.stored.ramps}"
        await asyncio.sleep(0.05)
        await owner.refresh()
    return time.time()


def allowed(reply: Reply, changes: list[tuple[str, float, float]], seed: bytes) -> set[str]:
    """The stacks that may have answered: by the mode then, or one that ended less than 2 s before.

    Each change is the new mode, when it was made, and when all must have followed.
    """
    who = number(seed, identity(Sticky(), [(b"authorization", f"Token {reply.user}".encode())], {}))
    found, mode, since = set(), "legacy", 0.0
    for next_mode, made, followed in [*changes, ("", float("inf"), float("inf"))]:
        if followed > reply.began and since <= reply.ended:
            assigned = Assignment.parse(mode)
            inside = assigned.mode is Mode.CANARY and who < assigned.share
            found.add("ported" if inside else assigned.mode.stack.value)
        mode, since = next_mode, made
    return found


def followed(change: RecordedChange, clients: Clients) -> tuple[str, float, float]:
    made = seconds(change.changed_at)
    return change.to_mode, made, made + WITHIN + clients.late(made, made + WITHIN)


async def test_three_replicas_agree_through_kills_an_outage_and_a_bug(
    postgresql_url: str,
    postgresql_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bug = tmp_path / "bug"
    monkeypatch.setenv("LIVE_DATABASE_URL", postgresql_url)
    monkeypatch.setenv("LIVE_BUG", str(bug))
    replicas, stop = Replicas(postgresql_url, bug), asyncio.Event()
    for one in range(3):
        replicas.start(one)
    try:
        await replicas.ready()
        clients = Clients(replicas)
        running = asyncio.create_task(clients.run(stop))
        async with operating() as owner:
            operator = Operator(owner, "ann", "the test")
            await operator.declare_group(GROUP, NOTES)
            # On a busy machine latency is inconclusive, and the ramp would wait.
            await operator.set_budget("*", {"latency_ratio": 0})
            await _ramp_with_kills(operator, replicas, clients)
            name = postgresql_url.rsplit("/", 1)[-1].partition("?")[0]
            await _outage(postgresql_server, name, clients)
            await replicas.well()
            broken_at = await _planted_bug(operator, bug, clients)
            history = sorted(await operator.history(1000), key=lambda one: one.changed_at)
            seed = seed_of(owner.stored.setting(SALT), GROUP)
        stop.set()
        await running
    finally:
        stop.set()
        replicas.stop()

    for operation in NOTES:
        changes = [one for one in history if one.kind == "mode" and one.operation == operation]
        steps = [one.to_mode for one in changes]
        assert steps == ["canary 10%", "canary 50%", "canary 100%", "ported", "legacy"]
        mine = [reply for reply in clients.replies if reply.operation == operation]
        assert len(mine) > 100
        moves = [followed(one, clients) for one in changes]
        wrong = [reply for reply in mine if reply.stack not in allowed(reply, moves, seed)]
        assert not wrong, wrong[:3]
        assert {reply.stack for reply in mine} == {"legacy", "ported"}
    failed = [reply for reply in clients.replies if reply.status >= 500]
    assert failed
    assert {reply.operation for reply in failed} == {"POST /note/"}
    # A request that was under way when the bug came meets it too: its end counts, not its beginning.
    assert min(reply.ended for reply in failed) >= broken_at


async def _ramp_with_kills(operator: Operator, replicas: Replicas, clients: Clients) -> None:
    """Two of three replicas die in the middle; every step is taken, and taken once."""
    owner = operator.ownership
    await operator.start_ramp(GROUP, "10,50,100", samples=5, seconds=1.5)
    await until(lambda: owner.stored.ramps[GROUP].step >= 1, owner, 120)
    for one in (0, 1):
        replicas.kill(one)
    await asyncio.sleep(0.3)
    for one in (0, 1):
        replicas.start(one)
    await until(lambda: owner.stored.ramps[GROUP].state is RampState.DONE, owner, 120)
    await replicas.ready()
    await clients.all_get("ported")
    moves = [one for one in await operator.history(1000) if one.kind == "ramp"]
    assert len(moves) == 4, "the start, two steps and the end"
    assert [one.changed_by for one in moves[:3]] == ["the bridge"] * 3


async def _outage(server: Any, name: str, clients: Clients) -> None:
    """While nobody can connect to the database, the last known modes stay in force."""
    server.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false;")
    server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}';")
    began = time.time()
    while time.time() - began < 2 or len(clients.since(began)) < 60:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    meanwhile = clients.since(began)
    server.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true;")
    assert {(reply.stack, reply.status // 100) for reply in meanwhile} == {("ported", 2)}


async def _planted_bug(operator: Operator, bug: Path, clients: Clients) -> float:
    """The whole group goes back on every replica, says why, and stays back."""
    owner = operator.ownership
    broken_at = time.time()
    bug.write_text("fails")  # noqa: ASYNC240 - a few bytes
    await until(lambda: GROUP in owner.stored.of(NoteKind.HOLD), owner, 120)
    (taken,) = [one for one in await operator.history(10) if one.kind == "hold"]
    assert taken.changed_by == "the bridge"
    await clients.all_get("legacy")
    failed = sorted(reply.ended for reply in clients.replies if reply.status >= 500)
    # The third failure is what makes it more than chance.
    last = max(reply.began for reply in clients.replies if reply.stack == "ported")
    assert last - failed[2] < WITHIN + clients.late(failed[2], last)
    (found,) = await operator.breaches()
    assert (found.name, found.operation) == (GROUP, "POST /note/")
    assert "requests failed in the port" in found.content["reason"]
    assert "planted bug" in found.content["examples"][0]["error"]
    with pytest.raises(HeldError, match="--again"):
        await operator.set_mode("GET /note/", "ported")
    with pytest.raises(HeldError):
        await operator.start_ramp(GROUP)
    return broken_at
