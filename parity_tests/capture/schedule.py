"""Which recorded exchanges may be replayed at the same time. Pure.

A batch is done before the next one begins. Its lanes run side by side; in a lane one exchange follows
the other, and all of one user's are in one lane.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from parity_core.capture.record import Recorded

_SAFE = ("GET", "HEAD", "OPTIONS")
_BYTES = 16 * 1024 * 1024
"""Of recorded bodies that one batch may hold."""


class Order(StrEnum):
    RECORDED = "recorded"
    """Only reads run side by side; every write has its place in the one order of all."""
    USER = "user"
    """Only each user's own order is kept, and that an id exists before it is used."""


@dataclass(frozen=True)
class ScheduledExchange:
    """An exchange and its position in the capture, from 1."""

    number: int
    exchange: Recorded


@dataclass(frozen=True)
class ScheduledBatch:
    lanes: tuple[tuple[ScheduledExchange, ...], ...]

    @property
    def entries(self) -> list[ScheduledExchange]:
        """As recorded."""
        return sorted((e for lane in self.lanes for e in lane), key=lambda e: e.number)


Keys = Callable[[Recorded], Iterable[Hashable]]


def batches(
    entries: Iterable[ScheduledExchange],
    width: int,
    order: Order,
    made: Keys = lambda _: (),
    used: Keys = lambda _: (),
) -> Iterator[ScheduledBatch]:
    """`width` 1: one exchange a batch. `made` and `used` are the ids of replies and of requests."""
    if width == 1:
        for entry in entries:
            yield ScheduledBatch(((entry,),))
        return
    most = width * 16
    waiting: list[ScheduledExchange] = []
    size = 0
    for entry in entries:
        alone = order is Order.RECORDED and entry.exchange.method not in _SAFE
        if waiting and (alone or len(waiting) >= most or size >= _BYTES):
            yield _batch(waiting, order, made, used)
            waiting, size = [], 0
        if alone:
            yield ScheduledBatch(((entry,),))
            continue
        waiting.append(entry)
        size += len(entry.exchange.request_body.content) + len(entry.exchange.reply_body.content)
    if waiting:
        yield _batch(waiting, order, made, used)


def _batch(
    entries: list[ScheduledExchange], order: Order, made: Keys, used: Keys
) -> ScheduledBatch:
    lanes: dict[Hashable, Hashable] = {}

    def root(name: Hashable) -> Hashable:
        while lanes[name] != name:
            lanes[name] = lanes[lanes[name]]
            name = lanes[name]
        return name

    maker: dict[Hashable, Hashable] = {}
    whose: list[Hashable] = []
    for entry in entries:
        name: Hashable = entry.exchange.user or entry.exchange.sender or ""
        whose.append(name)
        lanes.setdefault(name, name)
        if order is Order.USER:
            for key in used(entry.exchange):
                if key in maker:
                    lanes[root(name)] = root(maker[key])
            if entry.exchange.method not in _SAFE:
                for key in made(entry.exchange):
                    maker.setdefault(key, name)
    by_root: dict[Hashable, list[ScheduledExchange]] = {}
    for entry, name in zip(entries, whose, strict=True):
        by_root.setdefault(root(name), []).append(entry)
    return ScheduledBatch(tuple(map(tuple, by_root.values())))
