"""What a worker counts for Prometheus.

On a request's path are a look into a dictionary and three additions; whatever else there is to do is done
when Prometheus asks. Workers of one `cutover serve` show each other their counts as files, so whichever
of them is asked tells the sum (`metrics_shared`). Replicas are asked each.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from legacy_bridge.operations.operation import Stack
from legacy_bridge.stacks.spool import SpoolRoom

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends in seconds; there is one more, for what takes longer."""

_CLASSES = {0: "none", 1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}
"""Of a status; `none` is a failure before there was one."""


class Series:
    """Requests of one operation that one stack answered with one class of status."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)

    def add(self, seconds: float, buckets: Iterable[int]) -> None:
        self.seconds += seconds
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, buckets, strict=True)]


class Metrics(Collector):
    """Counts of one worker. Keys are operations, stacks and few words, so they do not grow."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], Series] = {}
        self._fallbacks: Counter[str] = Counter()
        self._comparisons: Counter[tuple[str, str, str]] = Counter()
        self._guarded: Counter[tuple[str, str, str]] = Counter()
        self.room: SpoolRoom | None = None
        """Of the legacy, where its bodies wait."""
        self._spool = Counter[str]()
        self.waiting: Callable[[], tuple[int, int]] | None = None
        """Pairs and bytes that wait to be compared."""
        self._waiting = Counter[str]()

    def request(self, operation: str, stack: Stack, status: int, seconds: float) -> None:
        """On the path of every request."""
        key = operation, stack, status // 100
        series = self._requests.get(key)
        if series is None:
            series = self._requests[key] = Series()
        series.seconds += seconds
        series.buckets[bisect_left(BUCKETS, seconds)] += 1

    def fell_back(self, operation: str) -> None:
        self._fallbacks[operation] += 1

    def compared(self, operation: str, result: str, reason: str) -> None:
        self._comparisons[operation, result, reason] += 1

    def guarded(self, guard: str, operation: str, result: str) -> None:
        self._guarded[guard, operation, result] += 1

    def _spooled(self) -> Counter[str]:
        room = self.room
        if room is None:
            return self._spool
        return Counter(held=room.held, refused=room.refused, slowed=room.slowed)

    def _queued(self) -> Counter[str]:
        if self.waiting is None:
            return self._waiting
        pairs, size = self.waiting()
        return Counter(pairs=pairs, bytes=size)

    def as_json(self) -> dict[str, Any]:
        return {
            "spool": dict(self._spooled()),
            "waiting": dict(self._queued()),
            "requests": [
                [*key, series.seconds, series.buckets]
                for key, series in list(self._requests.items())
            ],
            "fallbacks": dict(self._fallbacks),
            "comparisons": [[*key, count] for key, count in list(self._comparisons.items())],
            "guarded": [[*key, count] for key, count in list(self._guarded.items())],
        }

    @classmethod
    def sum(cls, counted: Iterable[dict[str, Any]]) -> Self:
        """Of several workers' `as_json`."""
        made = cls()
        for one in counted:
            for operation, stack, kind, seconds, buckets in one["requests"]:
                key = operation, str(stack), kind
                made._requests.setdefault(key, Series()).add(seconds, buckets)
            made._fallbacks.update(one["fallbacks"])
            # a file of an older worker has none
            made._spool.update(one.get("spool", {}))
            made._waiting.update(one.get("waiting", {}))
            for *words, count in one["comparisons"]:
                operation, result, reason = words
                made._comparisons[operation, result, reason] += count
            for *words, count in one.get("guarded", ()):
                guard, operation, result = words
                made._guarded[guard, operation, result] += count
        return made

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "cutover_requests",
            "Clients' requests given to a stack",
            labels=["operation", "stack", "status"],
        )
        by_stack: dict[tuple[str, str], Series] = {}
        for (operation, stack, kind), series in self._requests.items():
            word = _CLASSES.get(kind, "other")
            requests.add_metric([operation, str(stack), word], sum(series.buckets))
            both = by_stack.setdefault((operation, str(stack)), Series())
            both.add(series.seconds, series.buckets)
        latency = HistogramMetricFamily(
            "cutover_request_seconds",
            "Seconds until the reply began",
            labels=["operation", "stack"],
        )
        for labels, series in by_stack.items():
            latency.add_metric(labels, _cumulated(series.buckets), series.seconds)
        fallbacks = CounterMetricFamily(
            "cutover_fallbacks",
            "Requests the legacy answered because the port had failed",
            labels=["operation"],
        )
        for operation, count in self._fallbacks.items():
            fallbacks.add_metric([operation], count)
        comparisons = CounterMetricFamily(
            "cutover_comparisons",
            "Pairs by what came of comparing them; the reason says why one tells nothing",
            labels=["operation", "result", "reason"],
        )
        for words, count in self._comparisons.items():
            comparisons.add_metric(words, count)
        guarded = CounterMetricFamily(
            "cutover_guarded",
            "Requests that a guard has looked at before the legacy was asked",
            labels=["guard", "operation", "result"],
        )
        for words, count in self._guarded.items():
            guarded.add_metric(words, count)
        yield from (requests, latency, fallbacks, comparisons, guarded)
        queued = self._queued()
        yield GaugeMetricFamily(
            "cutover_comparisons_waiting", "Pairs that wait to be compared", queued["pairs"]
        )
        yield GaugeMetricFamily(
            "cutover_comparisons_waiting_bytes", "Bytes of pairs that wait", queued["bytes"]
        )
        spooled = self._spooled()
        yield GaugeMetricFamily(
            "cutover_spool_bytes", "Bytes of bodies that wait on disk", spooled["held"]
        )
        yield CounterMetricFamily(
            "cutover_spool_refused",
            "Requests answered 503: no room for their body",
            spooled["refused"],
        )
        yield CounterMetricFamily(
            "cutover_spool_slowed",
            "Replies as slow as their client: no room for them",
            spooled["slowed"],
        )


def render(counted: Metrics, *others: Collector) -> bytes:
    """The page that Prometheus reads; `others` say what is known when it is asked for."""
    registry = CollectorRegistry()
    for one in (counted, *others):
        registry.register(one)
    return generate_latest(registry)


def _cumulated(buckets: list[int]) -> list[tuple[str, float]]:
    cumulated, total = [], 0
    for bound, count in zip([*BUCKETS, "+Inf"], buckets, strict=True):
        total += count
        cumulated.append((str(bound), float(total)))
    return cumulated
