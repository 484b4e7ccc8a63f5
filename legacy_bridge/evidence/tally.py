"""Counts of one stack's replies, and what sums of them say. Pure.

Latencies are kept as a histogram whose steps grow by a fifth, so medians and percentiles of any sum of
workers and minutes are known to a tenth.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from legacy_bridge.operations.operation import Stack

_SHORTEST = 0.0001
_GROWTH = math.log(1.2)


def step_of(seconds: float) -> int:
    """The histogram's step for a latency; step 0 is everything below a tenth of a millisecond."""
    return 0 if seconds <= _SHORTEST else 1 + int(math.log(seconds / _SHORTEST) / _GROWTH)


def seconds_of(step: int) -> float:
    """The geometric middle of a step."""
    return _SHORTEST * math.exp((step - 0.5) * _GROWTH) if step else _SHORTEST


class TallyKey(NamedTuple):
    """What is counted apart."""

    operation: str
    trial: int
    stack: Stack


class Tally:
    """Counts that add up."""

    COUNTS = (
        "asked", "asked_errors", "compared", "different", "dropped", "errors", "exceptions",
        "fallbacks", "requests",
    )  # fmt: skip
    __slots__ = (*COUNTS, "latency")

    def __init__(self) -> None:
        self.requests = 0
        """Clients' requests this stack was given."""
        self.errors = 0
        """Of those: 5xx, or no reply at all."""
        self.exceptions = 0
        """Of those: it raised."""
        self.fallbacks = 0
        """Of those: the legacy answered instead."""
        self.asked = 0
        """Requests it was asked for a comparison."""
        self.asked_errors = 0
        self.compared = 0
        """Pairs, whoever answered the client; counted for the port."""
        self.different = 0
        self.dropped = 0
        """Pairs that were wanted and not compared."""
        self.latency: dict[int, int] = {}

    @property
    def samples(self) -> int:
        return self.requests + self.asked

    @property
    def failures(self) -> int:
        return self.errors + self.asked_errors

    def took(self, seconds: float) -> None:
        step = step_of(seconds)
        self.latency[step] = self.latency.get(step, 0) + 1

    def add(self, other: "Tally") -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.exceptions += other.exceptions
        self.fallbacks += other.fallbacks
        self.asked += other.asked
        self.asked_errors += other.asked_errors
        self.compared += other.compared
        self.different += other.different
        self.dropped += other.dropped
        latency = self.latency
        for step, count in other.latency.items():
            latency[step] = latency.get(step, 0) + count

    def forgive(self, other: "Tally") -> None:
        """Takes the failures and differences of what was added back, as if nobody had asked."""
        self.requests -= other.errors
        self.errors -= other.errors
        self.exceptions -= other.exceptions
        self.fallbacks -= other.fallbacks
        self.asked -= other.asked_errors
        self.asked_errors -= other.asked_errors
        self.compared -= other.different
        self.different -= other.different

    def percentile(self, share: float) -> float | None:
        """Seconds below which `share` (0 to 1) of the replies came; None without any."""
        left = share * sum(self.latency.values())
        for step in sorted(self.latency):
            left -= self.latency[step]
            if left <= 0:
                return seconds_of(step)
        return None

    def as_json(self) -> dict[str, Any]:
        """Only what is not zero."""
        content: dict[str, Any] = {
            name: value for name in self.COUNTS if (value := getattr(self, name))
        }
        if self.latency:
            content["latency"] = {str(step): count for step, count in self.latency.items()}
        return content

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        made = cls()
        latency = value.get("latency")
        if latency:
            made.latency = {int(step): count for step, count in latency.items()}
        for name in cls.COUNTS:
            if name in value:
                setattr(made, name, value[name])
        return made

    def figures(self) -> dict[str, Any]:
        """For people: every count, median and 95th percentile in milliseconds."""
        counts = {name: getattr(self, name) for name in self.COUNTS}
        return counts | {
            "median_ms": _milliseconds(self.percentile(0.5)),
            "p95_ms": _milliseconds(self.percentile(0.95)),
        }


def total(tallies: Iterable[Tally]) -> Tally:
    summed = Tally()
    for tally in tallies:
        summed.add(tally)
    return summed


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
