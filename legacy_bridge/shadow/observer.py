"""Takes pairs that are to be compared, off the client's path: a bounded queue and few workers.

The newest pair is compared first: the older one is, the more others have written since. What does not
fit, or waits too long, is dropped and counted. Nothing here waits while a client does.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Callable

from starlette.types import Scope

from legacy_bridge.operations.operation import Mode, Operation, Stack
from legacy_bridge.shadow.contract import ClientExchange, ComparisonStage
from legacy_bridge.shadow.limits import Limits
from legacy_bridge.shadow.rows.follow import last_write
from legacy_bridge.shadow.rows.recording import Recording, start
from legacy_bridge.shadow.verdict import Comparer, Counters, PairOutcome, PairVerdict, Reason

RECORDING = "legacy_bridge.recording"
"""Where a request's scope keeps what is noted about it."""

_SMALL = 512
"""Bytes that a pair takes besides its bodies and what was noted of it, about."""

_FORGOTTEN = 30.0
"""Seconds after which an answer under way is no reason to wait."""

_log = logging.getLogger(__name__)


class ShadowObserver:
    """What the bridge calls. `counters` says what came of every pair that was wanted."""

    def __init__(
        self,
        comparer: Comparer,
        limits: Limits | None = None,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.limits = limits or Limits()
        self.counters = Counters()
        self.body_limit = self.limits.body
        self.comparer = comparer
        self._chance = chance
        self._waiting: deque[tuple[ClientExchange, int, float]] = deque()
        """Oldest first: the pair, its bytes, and since when it waits."""
        self._bytes = 0
        self._running = 0
        self._news = asyncio.Event()
        self._answering: dict[int, float] = {}
        """Requests that clients wait for, by what is noted about them, and since when."""
        self._calm = asyncio.Event()
        self._calm.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._stage: ComparisonStage | None = None
        self._watching = False
        self._saved: dict[Operation, tuple[float, float]] = {}
        """What each operation may still have compared at once, and when that was so."""

    @property
    def queued(self) -> tuple[int, int]:
        """Pairs and bytes that wait."""
        return len(self._waiting), self._bytes

    async def startup(self, stage: ComparisonStage) -> None:
        self._stage = stage
        await self.comparer.startup(stage)
        self._tasks = [
            asyncio.create_task(self._work(), name=f"shadow-{number}")
            for number in range(self.limits.workers)
        ]

    async def shutdown(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._waiting:
            exchange, *_ = self._waiting.popleft()
            self._count(exchange, PairOutcome(PairVerdict.DROPPED, Reason.STOPPED))
        self._bytes = 0
        await self.comparer.shutdown()

    async def drained(self) -> None:
        """Returns once nothing waits and nothing runs. For tests and rehearsals."""
        await self._idle.wait()

    def wants(self, operation: Operation, mode: Mode, compared: Stack, scope: Scope) -> bool:
        """Whether this request is to be compared; then what it does is noted from here on."""
        if self._stage is None:
            return False
        share = self.limits.shares.get(str(operation), self.limits.share)
        if share < 1 and self._chance() >= share:
            return False
        if self.limits.rate and not self._within_rate(operation):
            return False
        refused = self.comparer.refuses(operation, compared, scope["method"])
        if refused is not None:
            self.counters.add(operation, PairVerdict.NOT_COMPARABLE, refused)
            return False
        self._drop_old()
        if len(self._waiting) >= self.limits.items:
            # Said before the request is noted: what can't be compared need not be.
            self.counters.add(operation, PairVerdict.DROPPED, Reason.QUEUE_FULL)
            return False
        if not self._watching:
            # Hooks cost every statement a little: a bridge that compares nothing has none.
            self.comparer.watch()
            self._watching = True
        # a difference in a read is looked into by asking again
        again = self.comparer.repeatable(operation, scope["method"])
        recording = Recording(noting_reads=not again)
        scope[RECORDING] = recording
        start(recording)
        self._answering[id(recording)] = time.monotonic()
        self._calm.clear()
        return True

    def _within_rate(self, operation: Operation) -> bool:
        now = time.monotonic()
        saved, since = self._saved.get(operation, (float(self.limits.burst), now))
        saved = min(self.limits.burst, saved + (now - since) * self.limits.rate)
        self._saved[operation] = (saved - 1 if saved >= 1 else saved), now
        return saved >= 1

    def take(self, exchange: ClientExchange) -> None:
        size = _SMALL + len(exchange.body or b"") + len(exchange.answer.body or b"")
        if recording := exchange.scope.get(RECORDING):
            size += recording.size
            recording.watching = False
            start(None)
            self._answering.pop(id(recording), None)
            if not self._answering:
                self._calm.set()
        why: Reason | None = None
        if exchange.body is None or exchange.answer.body is None:
            why = Reason.BODY_TOO_LONG
        elif len(self._waiting) >= self.limits.items:
            why = Reason.QUEUE_FULL
        elif self._bytes + size > self.limits.bytes:
            why = Reason.BYTES_FULL
        elif not self._tasks:
            why = Reason.STOPPED
        if why is not None:
            self._count(exchange, PairOutcome(PairVerdict.DROPPED, why))
            return
        self._waiting.append((exchange, size, time.monotonic()))
        self._bytes += size
        self._idle.clear()
        self._news.set()

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._news.clear()
                await self._news.wait()
            self._drop_old()
            if not self._waiting:
                self._rest()
                continue
            exchange, size, _ = self._waiting.pop()
            self._running += 1
            try:
                self._count(exchange, await self._compare(exchange))
            finally:
                self._bytes -= size
                self._running -= 1
                self._rest()

    def _rest(self) -> None:
        if not self._waiting and not self._running:
            self._idle.set()

    def _drop_old(self) -> None:
        oldest = time.monotonic() - self.limits.age
        while self._waiting and self._waiting[0][2] < oldest:
            exchange, size, _ = self._waiting.popleft()
            self._bytes -= size
            self._count(exchange, PairOutcome(PairVerdict.DROPPED, Reason.TOO_LATE))

    async def _compare(self, exchange: ClientExchange) -> PairOutcome:
        recording = exchange.scope.get(RECORDING) or Recording()
        try:
            await self._let_clients_pass()
            await self.comparer.ready()
            async with asyncio.timeout(self.limits.seconds):
                outcome = await self.comparer.compare(exchange, recording)
            if outcome.if_quiet and last_write() >= exchange.started:
                return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.CHANGED)
            return outcome
        except TimeoutError:
            return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.TIMEOUT)
        except asyncio.CancelledError:
            self._count(exchange, PairOutcome(PairVerdict.DROPPED, Reason.STOPPED))
            raise
        except Exception:
            # The comparison's own fault must neither stop the worker nor count against the port.
            _log.exception("%s: the comparison failed", exchange.operation)
            return PairOutcome(PairVerdict.INCONCLUSIVE, Reason.BROKEN)

    async def _let_clients_pass(self) -> None:
        """Begins when no client waits for an answer, or soon."""
        oldest = time.monotonic() - _FORGOTTEN
        for key, since in list(self._answering.items()):
            if since < oldest:
                # Not every answer comes to an end that we hear of.
                del self._answering[key]
        if self._answering:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.limits.patience):
                    await self._calm.wait()

    def _count(self, exchange: ClientExchange, outcome: PairOutcome) -> None:
        self.counters.add(exchange.operation, outcome.verdict, outcome.reason)
        if self._stage is None:
            return
        results = self._stage.results
        if outcome.verdict in (PairVerdict.SAME, PairVerdict.DIFFERENT):
            results.compared(
                exchange,
                status=outcome.status,
                seconds=outcome.seconds,
                different=outcome.verdict is PairVerdict.DIFFERENT,
                example=outcome.example,
            )
            return
        reason = outcome.reason or outcome.verdict
        if outcome.detail:
            _log.info("%s: %s: %s", exchange.operation, reason, outcome.detail)
        results.dropped(exchange.operation, exchange.trial, str(reason))
