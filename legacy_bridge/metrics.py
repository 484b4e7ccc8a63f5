"""What a worker counts for Prometheus.

Several workers of one `cutover serve` share files (`PROMETHEUS_MULTIPROC_DIR`, which it sets), so whichever
of them answers a scrape tells the sum, and a worker that died is still counted. Replicas are scraped each.
"""

import os
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from legacy_bridge.operation import Stack

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds."""

_CLASSES = {0: "none", 1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}
"""Of a status; `none` is a failure before there was one."""


class _Series(NamedTuple):
    requests: Counter
    seconds: Histogram


class Metrics:
    """Counts of one bridge. Labels are operations, stacks and few words, so they do not grow."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "cutover_requests_total",
            "Clients' requests given to a stack",
            ["operation", "stack", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "cutover_request_seconds",
            "Seconds until the reply began",
            ["operation", "stack"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._fallbacks = Counter(
            "cutover_fallbacks_total",
            "Requests the legacy answered because the port had failed",
            ["operation"],
            registry=self.registry,
        )
        self._comparisons = Counter(
            "cutover_comparisons_total",
            "Pairs by what came of comparing them; the reason says why one tells nothing",
            ["operation", "result", "reason"],
            registry=self.registry,
        )
        # `labels()` takes a lock and builds a key of texts: too slow for every request.
        self._known: dict[tuple[str, Stack, int], _Series] = {}

    def request(self, operation: str, stack: Stack, status: int, seconds: float) -> None:
        """On the path of every request."""
        key = operation, stack, status // 100
        series = self._known.get(key)
        if series is None:
            series = self._known[key] = _Series(
                self._requests.labels(operation, stack.value, _CLASSES.get(key[2], "other")),
                self._seconds.labels(operation, stack.value),
            )
        series.requests.inc()
        series.seconds.observe(seconds)

    def fell_back(self, operation: str) -> None:
        self._fallbacks.labels(operation).inc()

    def compared(self, operation: str, result: str, reason: str) -> None:
        self._comparisons.labels(operation, result, reason).inc()

    def render(self, *others: Collector) -> bytes:
        """The page that Prometheus reads; `others` say what is known when it is asked for."""
        shown = self.registry
        if os.environ.get(MULTIPROCESS):
            shown = CollectorRegistry()
            MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
        text = generate_latest(shown)
        for other in others:
            live = CollectorRegistry()
            live.register(other)
            text += generate_latest(live)
        return text
