"""Watches what is on trial: writes this worker's counts, reads all workers', judges, and acts.

Every worker does so twice a second, and none is in charge: what to write is decided once more under the
lock of the database, so one worker's step or rollback is the only one, and it does not matter who dies.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any

from legacy_bridge.evidence.ramp_move import Move, Next, next_move
from legacy_bridge.evidence.recorder import Recorder
from legacy_bridge.evidence.store import EvidenceStore
from legacy_bridge.evidence.trials import Trial, breach_of, trials_of
from legacy_bridge.evidence.windows import Span, Windows
from legacy_bridge.modes import plans
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.state import RampState
from legacy_bridge.modes.store import Breach, StoreError

WHO = "the bridge"
"""Who the audit trail names for what no operator did."""

_PERIOD = 0.5
_EVERYTHING = 60.0
"""Seconds after which all rows are read again: a replica may have been cut off for a while."""
_RARELY = 4
"""Long buckets, and those that have just closed, are written and read every so many turns: a second or
two does not matter to them."""
_EXAMPLES = 5

_log = logging.getLogger(__name__)


class Warden:
    """The task of one worker."""

    def __init__(
        self, ownership: Ownership, recorder: Recorder, *, period: float = _PERIOD
    ) -> None:
        self._ownership = ownership
        self.recorder = recorder
        self.store = EvidenceStore(ownership.store.database)
        self.windows = Windows()
        self._period = period
        self._read_all_at = 0.0
        self._turn = 0
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.trouble: str | None = None
        self.looked_at = time.time()
        """When this worker last wrote, read and judged; seconds since 1970."""

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="bridge evidence")

    async def stop(self) -> None:
        if self._task is not None:
            self._stopping.set()
            await self._task
            with contextlib.suppress(StoreError):
                await self.flush()

    async def flush(self, *, all_spans: bool = True) -> None:
        """Writes what this worker has counted."""
        now = time.time()
        batch = self.recorder.batch(now, all_spans=all_spans)
        if batch is not None:
            await self.store.write(batch)
            self.windows.take(batch.rows)
            self.recorder.written(batch, now)

    async def read(self, *, all_spans: bool = True) -> None:
        """What others have counted: all of it now and then, otherwise what is still open."""
        now = time.time()
        everything = now - self._read_all_at >= _EVERYTHING
        if everything:
            rows = await self.store.read(now)
        else:
            since = {Span.FINE: Span.FINE.bucket(now)}
            if all_spans:
                since = {span: span.bucket(now) - span for span in Span}
            rows = await self.store.read_since(since, but=self.recorder.worker)
        self.windows.take(rows)
        if everything:
            self.windows.forget(now)
            await self.store.prune(now)
            self._read_all_at = now

    def trials(self, suspects: set[str] | None = None) -> list[Trial]:
        """What is on trial, as this worker knows it; with suspects only theirs and what is ramped."""
        owner = self._ownership
        return trials_of(owner.decisions, owner.stored, self.windows, time.time(), suspects)

    async def look(self) -> None:
        """One turn: write, read, judge, act."""
        all_spans = self._turn % _RARELY == 0
        self._turn += 1
        await self.flush(all_spans=all_spans)
        if self._ownership.with_legacy:
            await self.read(all_spans=all_spans)
            suspects = self.windows.suspects()
            await self._judge(None if all_spans else suspects)
        self.looked_at = time.time()

    async def _judge(self, suspects: set[str] | None) -> None:
        for trial in self.trials(suspects):
            now = time.time()
            if trial.taken_back:
                await self._take_back(trial)
            elif trial.ramp is not None:
                move = move_of(trial, now)
                if move.move in (Move.NEXT, Move.FINISH):
                    await self._advance(trial, move, now)

    async def _take_back(self, trial: Trial) -> None:
        reason = f"{trial.worst}: {trial.judgement.reason}"
        examples = await self.store.examples(
            trial.worst, trial=trial.trials[trial.worst], limit=_EXAMPLES
        )
        shown: list[Mapping[str, Any]] = [
            {"kind": one.kind, "at": one.at, **one.content} for one in examples
        ]
        breach = Breach(trial.name, trial.worst, breach_of(trial, shown))
        done = await self._ownership.apply(
            lambda stored: plans.breach(stored, trial.name, trial.members, trial.trials, breach),
            who=WHO,
            why=reason,
        )
        if done:
            _log.error("%s is rolled back: %s", trial.name, reason)

    async def _advance(self, trial: Trial, move: Next, now: float) -> None:
        ramp = trial.ramp
        assert ramp is not None
        done = await self._ownership.apply(
            lambda stored: plans.advance(stored, trial.name, ramp, trial.members, now),
            who=WHO,
            why=move.why,
        )
        for one in done:
            _log.info("%s: %s -> %s (%s)", one.operation, one.from_mode, one.to_mode, one.why)

    async def _run(self) -> None:
        while not await self._pause():
            try:
                await self.look()
            except StoreError as error:
                if self.trouble is None:
                    _log.error("evidence can't be written or read, it waits: %s", error)
                self.trouble = str(error)
                # The stacks share that database: what fails now says nothing about the port.
                self.recorder.excuse()
            except Exception:
                # The watch must outlive any single failure.
                self.trouble = "unexpected error, see the log"
                _log.exception("evidence can't be judged")
            else:
                if self.trouble is not None:
                    _log.warning("evidence is judged again")
                    self.recorder.resume()
                self.trouble, self.looked_at = None, time.time()

    async def _pause(self) -> bool:
        """True when it is time to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._period):
                await self._stopping.wait()
        return self._stopping.is_set()


def move_of(trial: Trial, now: float) -> Next:
    """What the ramp of a subject does next, and why."""
    if trial.ramp is None:
        return Next(Move.STAY, "no ramp")
    if trial.ramp.state is RampState.RUNNING:
        return next_move(trial.ramp, trial.judgement, trial.samples, now)
    return Next(Move.STAY, f"the ramp is {trial.ramp.state}")
