"""Sliding windows over what all workers have counted.

Time is cut twice: into buckets of ten seconds that are kept for ten minutes, for what has just begun, and
of ten minutes kept for six hours, for what is rare. A window is made of whole buckets, the current ones
included.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from legacy_bridge.evidence.tally import Tally, TallyKey, total
from legacy_bridge.operations.operation import Stack


class Span(IntEnum):
    """The length of a bucket in seconds."""

    FINE = 10
    COARSE = 600

    @property
    def kept(self) -> int:
        """How many buckets are kept."""
        return {Span.FINE: 60, Span.COARSE: 37}[self]

    def bucket(self, now: float) -> int:
        """The bucket's beginning, seconds since 1970."""
        return int(now) // self * self

    def oldest(self, now: float) -> int:
        return self.bucket(now) - (self.kept - 1) * self


class Row(NamedTuple):
    """One worker's counts in one bucket."""

    span: Span
    bucket: int
    worker: str
    key: TallyKey
    tally: Tally


_Bucket = dict[tuple[str, int], Tally]
"""By worker and trial."""


class Windows:
    """Sums of rows; a row that comes again replaces its earlier self."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, Stack, Span], dict[int, _Bucket]] = {}
        self._closed: dict[tuple[str, Stack, int, int | None], tuple[int, Tally]] = {}
        self._suspects: set[str] = set()

    def take(self, rows: Iterable[Row]) -> None:
        for span, bucket, worker, key, tally in rows:
            buckets = self._rows.setdefault((key.operation, key.stack, span), {})
            place = buckets.setdefault(bucket, {})
            if tally.failures or tally.different:
                before = place.get((worker, key.trial))
                if before is None or before is tally or _bad(before) != _bad(tally):
                    self._suspects.add(key.operation)
            place[worker, key.trial] = tally

    def suspects(self) -> set[str]:
        """The operations that have, or may have, new failures or differences since the last call."""
        suspects, self._suspects = self._suspects, set()
        return suspects

    def forget(self, now: float) -> None:
        """Drops what no window can reach any more, and sums that may have changed meanwhile."""
        self._closed.clear()
        for key, buckets in list(self._rows.items()):
            oldest = key[2].oldest(now)
            for bucket in [bucket for bucket in buckets if bucket < oldest]:
                del buckets[bucket]
            if not buckets:
                del self._rows[key]

    def sum(
        self, operation: str, stack: Stack, seconds: int, now: float, *, trial: int | None = None
    ) -> Tally:
        """Of the last `seconds`; of one trial, or of all."""
        span = Span.FINE if seconds <= Span.FINE * (Span.FINE.kept - 1) else Span.COARSE
        buckets = self._rows.get((operation, stack, span))
        if not buckets:
            return Tally()
        # Two buckets are open: late writers still fill the one before. Clocks may be a little ahead.
        current = span.bucket(now)
        opening = current - span
        key = (operation, stack, seconds, trial)
        known = self._closed.get(key)
        if known is None or known[0] != opening:
            first = span.bucket(now - seconds)
            closed = (one for bucket, one in buckets.items() if first <= bucket < opening)
            self._closed[key] = known = (opening, _of_trial(closed, trial))
        open_now = (buckets.get(bucket, {}) for bucket in (opening, current, current + span))
        trial_tally = _of_trial(open_now, trial)
        trial_tally.add(known[1])
        return trial_tally


def _bad(tally: Tally) -> tuple[int, int]:
    return tally.failures, tally.different


def _of_trial(buckets: Iterable[_Bucket], trial: int | None) -> Tally:
    return total(
        tally
        for bucket in buckets
        for (_, its_trial), tally in bucket.items()
        if trial is None or its_trial == trial
    )
