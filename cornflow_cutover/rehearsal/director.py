"""The plot of a rehearsal: everything from legacy to ported on evidence, with two bugs and a kill."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import httpx

from cornflow_cutover.rehearsal.bugs import FAILS, WRONG_REPLY, Bug
from cornflow_cutover.rehearsal.client import Client, CutError, FailedError, RequestLog
from cornflow_cutover.rehearsal.ledger import RequestLedger
from cornflow_cutover.rehearsal.outcome import RehearsalOptions, RehearsalOutcome
from cornflow_cutover.rehearsal.stage import PASSWORD, RehearsalStage
from cornflow_cutover.rehearsal.stories import STORIES, WORKFLOW, Story, new_name, workflow
from cornflow_cutover.rehearsal.timeline import Moment
from cornflow_cutover.up.steps import UpError
from legacy_bridge import assembly
from legacy_bridge.assembly import Assembly
from legacy_bridge.cli.ramp import read_status
from legacy_bridge.control.operator import Operator
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.state import NoteKind
from legacy_bridge.modes.store import StoreError
from legacy_bridge.operations.operation import Mode, Operation
from legacy_bridge.settings import load_settings

USERS = {f"user{number}": ("admin", "planner", "service") for number in range(1, 13)}
"""Everybody may do everything, so that each operation has users inside and outside of a canary."""

STEPS = "shadow,canary 50%,canary 100%"
"""Of a dozen users half are surely both inside and outside; smaller shares need more users."""
_WITHOUT_SHADOW = (
    # refused by both here, and what is refused is compared only when nobody else writes
    "POST /dag/deployed/",
    # it writes files, which a shadow may not
    "POST /execution/files/<string:idx>/",
)
"""A shadow of these would never have samples: they begin as canaries."""
_LOOK = 0.5
_PROGRESS_SECONDS = 15.0
_LIFE = 15.0
"""Seconds that rows live at least: longer than a comparison is behind, or it meets what is gone."""
_TRIES = 5
"""Of a change, while the database is busy with the clients."""
_GRACE = 3.0
"""Seconds after a rollback in which clients may still meet the bug: the two that workers have, and some."""


class Director:
    def __init__(
        self, stage: RehearsalStage, options: RehearsalOptions, show: Callable[[str], None]
    ) -> None:
        self._stage = stage
        self._options = options
        self._show = show
        self.outcome = RehearsalOutcome(RequestLog(), time.time())
        self._ledger = RequestLedger()
        self._stopping = False
        self._bugs: set[Bug] = set()

    async def run(self, assembled: Assembly) -> RehearsalOutcome:
        owner = assembly.ownership(assembled, load_settings())
        try:
            await owner.read()
            async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
                await self._play(owner, http)
        finally:
            await owner.stop()
        self.outcome.rows_wrong = self._ledger.check(await self._stage.rows())
        self.outcome.rows_counted = len(self._ledger.rows)
        self.outcome.seconds = time.time() - self.outcome.began
        return self.outcome

    async def _play(self, owner: Ownership, http: httpx.AsyncClient) -> None:
        for number in range(len(self._stage.ports)):
            self._stage.start(number)
        for number in range(len(self._stage.ports)):
            await self._stage.ready(number)
        self.outcome.began = time.time()
        self._happens("three workers serve, all by the legacy")
        clients = [
            Client(name, PASSWORD, self._stage.addresses, http, self._ledger, self.outcome.log)
            for name in USERS
        ]
        for client in clients:
            await client.log_in()
        await clients[0]("POST /dag/deployed/", json=workflow(WORKFLOW))
        users = [
            asyncio.create_task(self._live(client, number)) for number, client in enumerate(clients)
        ]
        watching = asyncio.create_task(self._watch(owner))
        try:
            await self._plot(owner)
        finally:
            self._stopping = True
            await asyncio.gather(*users)
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _plot(self, owner: Ownership) -> None:
        names = {str(operation) for operation in owner.census.ported}
        await self._until(lambda: _true(names <= self._asked()), "every operation is asked for")
        operator = Operator(owner, "cutover rehearse", "a rehearsal")
        await operator.set_budget("*", {"samples": self._options.samples, "latency_ratio": 0})
        self._plant(WRONG_REPLY)
        await self._ramp(operator, "all-ported")
        for operation in _WITHOUT_SHADOW:
            await operator.set_mode(operation, Mode.LEGACY)
            await self._ramp(operator, operation, steps=STEPS.removeprefix("shadow,"))
        self._happens("everything in shadow; bug planted: " + WRONG_REPLY.about, bad=True)
        await self._until_rolled_back(owner, WRONG_REPLY)
        self._mend(WRONG_REPLY)
        await self._ramp(operator, WRONG_REPLY.operation, again=True)
        self._happens("mended, tried again")
        fails = Operation.parse(FAILS.operation)
        await self._until(
            lambda: _true(owner.decisions.mode(fails) in (Mode.CANARY, Mode.PORTED)),
            f"{fails} is a canary",
            owner,
        )
        self._plant(FAILS)
        self._happens("bug planted: " + FAILS.about, bad=True)
        await self._until_rolled_back(owner, FAILS)
        self._mend(FAILS)
        await self._ramp(operator, FAILS.operation, again=True)
        self._happens("mended, tried again")
        self._stage.kill(1)
        self._happens("worker 2 killed (-9)", bad=True)
        await asyncio.sleep(2)
        self._stage.start(1)
        await self._stage.ready(1)
        self._happens("worker 2 serves again")
        await self._until_ported(owner)
        self._happens("all operations are the port's")
        await asyncio.sleep(self._options.seconds)
        missing = names - self._asked(since=time.time() - 2 * self._options.limit)
        self.outcome.unasked = sorted(missing)

    async def _ramp(
        self, operator: Operator, pattern: str, *, again: bool = False, steps: str = STEPS
    ) -> None:
        for left in reversed(range(_TRIES)):
            try:
                await operator.start_ramp(
                    pattern,
                    steps,
                    samples=self._options.samples,
                    seconds=self._options.seconds,
                    again=again,
                )
            except StoreError:
                if not left:
                    raise
                await asyncio.sleep(1)
            else:
                return

    def _plant(self, bug: Bug) -> None:
        self._bugs.add(bug)
        self._stage.plant(self._bugs)
        self.outcome.planted.setdefault(bug.operation, []).append((time.time(), float("inf")))

    def _mend(self, bug: Bug) -> None:
        self._bugs.discard(bug)
        self._stage.plant(self._bugs)
        windows = self.outcome.planted[bug.operation]
        windows[-1] = (windows[-1][0], time.time() + _GRACE)

    async def _until_rolled_back(self, owner: Ownership, bug: Bug) -> None:
        operation = Operation.parse(bug.operation)

        async def rolled_back() -> bool:
            if owner.decisions.mode(operation) is not Mode.LEGACY:
                return False
            with contextlib.suppress(StoreError):
                return bool(await owner.store.breaches(1, bug.operation))
            return False

        await self._until(rolled_back, f"{bug.operation} is rolled back", owner)
        breach = (await owner.store.breaches(1, bug.operation))[0]
        shown = [
            one.ended
            for one in self.outcome.log.asked
            if one.operation == bug.operation and not one.good
        ]
        planted = self.outcome.planted[bug.operation][-1][0]
        self.outcome.found_seconds[bug.name] = breach.at - planted
        if shown:
            self.outcome.rollback_seconds[bug.name] = max(0.0, breach.at - shown[0])
        self._happens(f"rolled back by itself: {bug.operation}")

    async def _refuse_other_rollbacks(self, owner: Ownership) -> None:
        """UpError, with pairs that differ, when something else than a planted bug was rolled back."""
        held = set(owner.stored.of(NoteKind.HOLD)) - set(self.outcome.planted)
        if not held:
            return
        breaches = []
        for name in sorted(held):
            for breach in await owner.store.breaches(1, name):
                breaches.append(f"{name}: {json.dumps(breach.content, default=str)[:20000]}")
        raise UpError("\n".join(["rolled back, and no bug was planted there:", *breaches]))

    async def _until(
        self, reached: Callable[[], Awaitable[bool]], what: str, owner: Ownership | None = None
    ) -> None:
        while not await reached():
            if time.time() - self.outcome.began > self._options.limit:
                raise UpError(f"not within {self._options.limit:.0f} s: {what}")
            if owner is not None:
                await self._refuse_other_rollbacks(owner)
            await asyncio.sleep(_LOOK)

    async def _until_ported(self, owner: Ownership) -> None:
        """All of it. UpError names what each ramp waits for."""
        shown_at = time.time()
        while True:
            modes = Counter(owner.decisions.mode(one) for one in owner.census.ported)
            if set(modes) == {Mode.PORTED}:
                return
            if time.time() - self.outcome.began > self._options.limit:
                ramps = (await read_status(owner))["ramps"]
                waiting = [f"{one['name']}: {one['mode']}, {one['says']}" for one in ramps]
                limit = f"not within {self._options.limit:.0f} s: everything is ported"
                raise UpError("\n  ".join([limit, *waiting]))
            await self._refuse_other_rollbacks(owner)
            if time.time() - shown_at > _PROGRESS_SECONDS:
                shown_at = time.time()
                self._show("         " + ", ".join(f"{n} {mode}" for mode, n in modes.items()))
            await asyncio.sleep(_LOOK)

    async def _live(self, client: Client, number: int) -> None:
        """One user: story after story until the end."""
        turn = number
        while not self._stopping:
            story: Story = STORIES[turn % len(STORIES)]
            turn += 1
            # what failed is written down; the user begins something else
            with contextlib.suppress(FailedError, CutError):
                await story(client, new_name(client.user))
                await client.delete_due(_LIFE)

    async def _watch(self, owner: Ownership) -> None:
        while True:
            # a database that is busy: the last known modes are drawn
            with contextlib.suppress(StoreError):
                await owner.refresh()
            modes = Counter(owner.decisions.mode(one).value for one in owner.census.ported)
            self.outcome.modes.append((time.time() - self.outcome.began, modes))
            await asyncio.sleep(_LOOK)

    def _asked(self, since: float = 0.0) -> set[str]:
        return {one.operation for one in self.outcome.log.asked if one.began >= since}

    def _happens(self, text: str, *, bad: bool = False) -> None:
        at = time.time() - self.outcome.began
        self.outcome.moments.append(Moment(at, text, bad))
        self._show(f"{at:5.0f} s  {text}")


async def _true(value: bool) -> bool:
    return value
