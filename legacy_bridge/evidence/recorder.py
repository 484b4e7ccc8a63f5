"""Counts what this worker sees, until it is written to the shared database.

Counting is a few additions in memory. While the database is away the counts wait, for no longer than any
window can reach; they never grow with traffic.
"""

import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from os import getpid
from secrets import token_hex
from typing import Any, NamedTuple

from legacy_bridge.evidence.tally import Tally, TallyKey
from legacy_bridge.evidence.windows import Row, Span
from legacy_bridge.modes.decisions import Decision
from legacy_bridge.operations.operation import Operation, Stack
from legacy_bridge.shadow.contract import ClientExchange

_EXAMPLES = 5
"""Examples of one operation and kind that wait to be written."""
_WAITING_EXAMPLES = 200


class Example(NamedTuple):
    """One request that shows what went wrong. `content` is for JSON."""

    at: float
    operation: str
    trial: int
    kind: str
    content: Mapping[str, Any]


class Traffic(NamedTuple):
    day: str
    operation: str
    stack: Stack


class Batch(NamedTuple):
    """What has changed since the last batch that was written."""

    rows: list[Row]
    """All of each bucket that has changed."""
    examples: list[Example]
    traffic: Mapping[Traffic, tuple[int, int]]
    """Requests and errors, to be added."""


class Recorder:
    """One for each process. Implements `comparison.Results`."""

    def __init__(self) -> None:
        self.worker = f"{socket.gethostname()[:40]}:{getpid()}:{token_hex(4)}"
        self._fresh: dict[TallyKey, Tally] = {}
        self._buckets: dict[tuple[Span, int], dict[TallyKey, Tally]] = {}
        self._dirty: set[tuple[Span, int]] = set()
        self._examples: deque[Example] = deque(maxlen=_WAITING_EXAMPLES)
        self._traffic: Counter[tuple[Traffic, str]] = Counter()
        self._settled: list[tuple[Tally, Tally]] = []
        """What the last batch added, and to what."""
        self._before_batch: list[Callable[[], None]] = []
        self.excusing = False
        """The database is away: a failure says nothing about the stack that had it."""
        self.lost = 0
        """Buckets that could not be written before they were too old."""

    def before_batch(self, catch_up: Callable[[], None]) -> None:
        """Has `catch_up` called before a batch is made: for whoever counts later than it sees."""
        self._before_batch.append(catch_up)

    def request(self, decision: Decision, stack: Stack, status: int, seconds: float) -> Tally:
        """A client's request was given to `stack`; `status` 0 is a failure without a reply."""
        if self.excusing and (status >= 500 or status == 0):
            return Tally()
        tally = self._tally(TallyKey(decision.name, decision.trial, stack))
        tally.requests += 1
        if status >= 500 or status == 0:
            tally.errors += 1
        tally.took(seconds)
        return tally

    def example(self, operation: str, trial: int, kind: str, content: Mapping[str, Any]) -> None:
        """Kept when there are few of its kind yet."""
        alike = sum(
            one.operation == operation and one.kind == kind and one.trial == trial
            for one in self._examples
        )
        if alike < _EXAMPLES:
            self._examples.append(Example(time.time(), operation, trial, kind, content))

    def compared(
        self,
        exchange: ClientExchange,
        *,
        status: int,
        seconds: float,
        different: bool,
        example: Mapping[str, Any] | None = None,
    ) -> None:
        name = str(exchange.operation)
        if self.excusing:
            self.dropped(exchange.operation, exchange.trial, "the database is away")
            return
        asked = self._tally(TallyKey(name, exchange.trial, exchange.compared))
        asked.asked += 1
        if status >= 500 or status == 0:
            asked.asked_errors += 1
        asked.took(seconds)
        # About the port, whoever was asked.
        pairs = self._tally(TallyKey(name, exchange.trial, Stack.PORTED))
        pairs.compared += 1
        if different:
            pairs.different += 1
            if example is not None:
                self.example(name, exchange.trial, "difference", example)

    def dropped(self, operation: Operation, trial: int, why: str) -> None:
        self._tally(TallyKey(str(operation), trial, Stack.PORTED)).dropped += 1

    def batch(self, now: float, *, all_spans: bool = True) -> Batch | None:
        """What is to be written; None when nothing is new. Call `written` when it is.

        Without ``all_spans``, long buckets and the traffic of the day wait for a later batch.
        """
        for catch_up in self._before_batch:
            catch_up()
        self._settle(now)
        rows = [
            Row(span, bucket, self.worker, key, tally)
            for span, bucket in self._dirty
            if all_spans or span is Span.FINE
            for key, tally in self._buckets[span, bucket].items()
        ]
        traffic = {
            where: (count, self._traffic[where, "errors"])
            for (where, what), count in self._traffic.items()
            if what == "requests" and all_spans
        }
        if not rows and not traffic and not self._examples:
            return None
        return Batch(rows, list(self._examples), traffic)

    def written(self, batch: Batch, now: float) -> None:
        """The batch is safe: what came while it was written stays for the next."""
        self._settled = []
        self._dirty.difference_update((row.span, row.bucket) for row in batch.rows)
        for example in batch.examples:
            if example in self._examples:
                self._examples.remove(example)
        for where, (requests, errors) in batch.traffic.items():
            self._traffic[where, "requests"] -= requests
            self._traffic[where, "errors"] -= errors
        self._traffic = +self._traffic
        for span, bucket in list(self._buckets):
            if bucket < span.bucket(now):
                self._drop(span, bucket, only_written=True)

    def excuse(self) -> None:
        """The database is away, and with it that of the stacks: failures are nobody's, until `resume`.

        Those of the last batch, which found it out, are taken back.
        """
        self.excusing = True
        for added, place in self._settled:
            place.forgive(added)
        self._settled = []

    def resume(self) -> None:
        self.excusing = False

    def _tally(self, key: TallyKey) -> Tally:
        tally = self._fresh.get(key)
        if tally is None:
            tally = self._fresh[key] = Tally()
        return tally

    def _settle(self, now: float) -> None:
        """Moves what was counted since the last time into its buckets."""
        fresh, self._fresh = self._fresh, {}
        self._settled = []
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        for key, tally in fresh.items():
            for span in Span:
                bucket = span.bucket(now)
                place = self._buckets.setdefault((span, bucket), {})
                settled = place.setdefault(key, Tally())
                settled.add(tally)
                self._settled.append((tally, settled))
                self._dirty.add((span, bucket))
            if tally.requests:
                where = Traffic(day, key.operation, key.stack)
                self._traffic[where, "requests"] += tally.requests
                self._traffic[where, "errors"] += tally.errors
        for span, bucket in list(self._buckets):
            if bucket < span.oldest(now):
                self._drop(span, bucket)

    def _drop(self, span: Span, bucket: int, *, only_written: bool = False) -> None:
        waiting = (span, bucket) in self._dirty
        if waiting and only_written:
            return
        self.lost += waiting
        self._dirty.discard((span, bucket))
        del self._buckets[span, bucket]
