"""Lists that the legacy itself does not order: their members are compared, their order is not. Pure.

One entry is one list: an operation and the place of the list in its reply, both without globs, and
the line of the legacy that asks for rows and not for their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_KEYS = {"operation", "place", "database", "paths", "reason"}


@dataclass(frozen=True)
class Unordered:
    operation: str
    place: str
    """Of the list: `body`, `body/executions`."""
    reason: str
    """Where the legacy leaves the order out."""
    database: str | None = None
    """Where rows have no order of their own; None is everywhere."""
    paths: tuple[str, ...] = ()
    """Of an operation with many lists, the paths of those that are meant; none are all."""

    def covers(self, operation: str, place: str, path: str) -> bool:
        return (
            operation == self.operation
            and place == self.place
            and (not self.paths or path in self.paths)
        )


def parse(table: dict[str, Any]) -> Unordered:
    """Raises KeyError and ValueError for an entry that says too little or covers too much."""
    if unknown := table.keys() - _KEYS:
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    operation, place, reason = table["operation"], table["place"], table["reason"]
    if "*" in operation or "*" in place:
        raise ValueError("`operation` and `place` name one list each: no `*`")
    if place.partition("/")[0] != "body":
        raise ValueError(f"`{place}` is not in a body: only lists of a reply may have no order")
    if not reason.strip():
        raise ValueError("`reason` is empty: say where the legacy leaves the order out")
    return Unordered(operation, place, reason, table.get("database"), tuple(table.get("paths", ())))


def partners(
    legacy: Sequence[Any], ported: Sequence[Any], distance: Callable[[Any, Any], int]
) -> list[tuple[int | None, int | None]]:
    """Positions of the members that belong together, each used once; None where there is no more.

    `distance` counts what differs. Equals meet first; then each who is left meets the most alike, so that it
    can be said what differs.
    """
    left = list(range(len(ported)))
    pairs: list[tuple[int | None, int | None]] = []
    alone: list[int] = []
    counts: dict[tuple[int, int], int] = {}
    for one, item in enumerate(legacy):
        # rows mostly lie alike, so the partner is near
        for other in sorted(left, key=lambda other: abs(other - one)):
            counts[one, other] = distance(item, ported[other])
            if not counts[one, other]:
                left.remove(other)
                pairs.append((one, other))
                break
        else:
            alone.append(one)
    for one in alone:
        nearest = min(left, key=lambda other: (counts[one, other], abs(other - one)), default=None)
        if nearest is not None:
            left.remove(nearest)
        pairs.append((one, nearest))
    return [*pairs, *((None, other) for other in left)]
