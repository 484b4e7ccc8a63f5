"""Three shapes of one operation against each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from parity_core.compare.places import operation_matches
from parity_tests.triangle.shape import ANY, OPEN, Shape


class Corner(StrEnum):
    LEGACY = "legacy document"
    PORTED = "ported document"
    OBSERVED = "observed"


class MismatchKind(StrEnum):
    OPERATION = "operation"
    STATUS = "status"
    PARAMETER = "query parameter"
    BODY = "request field"
    REPLY = "reply field"
    REFUSAL = "field of a refusal"


@dataclass(frozen=True)
class Accepted:
    """Something that a document rightly does not tell; globs."""

    operation: str
    name: str
    reason: str

    def covers(self, item: Item) -> bool:
        return operation_matches(self.operation, item.operation) and operation_matches(
            self.name, item.name
        )


class FailOn(StrEnum):
    """What makes the comparison fail; each includes the one before it."""

    NEVER = "never"
    UNTOLD = "untold"
    """The port answers it, and its document does not know."""
    LOST = "lost"
    """The legacy's document knows it, and the port's does not."""
    ANY = "any"


@dataclass(frozen=True, order=True)
class Item:
    """Something that at least one corner knows and at least one does not."""

    operation: str
    kind: MismatchKind
    name: str
    knows: tuple[Corner, ...]

    @property
    def lacks(self) -> tuple[Corner, ...]:
        return tuple(corner for corner in Corner if corner not in self.knows)

    def fails(self, on: FailOn) -> bool:
        if on is FailOn.NEVER:
            return False
        if on is FailOn.ANY:
            return True
        if Corner.PORTED in self.knows:
            return False
        # what is sent and not refused may well be ignored: no behaviour of the port
        untold = Corner.OBSERVED in self.knows and self.kind not in (
            MismatchKind.PARAMETER,
            MismatchKind.BODY,
        )
        return untold or (on is FailOn.LOST and Corner.LEGACY in self.knows)


Corners = Mapping[Corner, Mapping[str, Shape]]


def compare(corners: Corners, operations: Iterable[str]) -> list[Item]:
    """Everything that not all three know, by operation; of an operation that one lacks, only that."""
    items: list[Item] = []
    for label in sorted(set(operations)):
        shapes = {
            corner: described[label] for corner, described in corners.items() if label in described
        }
        if len(shapes) < len(Corner):
            items.append(Item(label, MismatchKind.OPERATION, label, tuple(shapes)))
        if len(shapes) > 1:
            items += _operation(label, shapes)
    return items


def _operation(label: str, shapes: Mapping[Corner, Shape]) -> Iterator[Item]:
    for kind, places in (
        (MismatchKind.STATUS, {corner: shape.statuses for corner, shape in shapes.items()}),
        (MismatchKind.PARAMETER, {corner: shape.query for corner, shape in shapes.items()}),
        (MismatchKind.BODY, {corner: shape.body for corner, shape in shapes.items()}),
        (MismatchKind.REPLY, {corner: shape.replies for corner, shape in shapes.items()}),
        (MismatchKind.REFUSAL, {corner: shape.refusals for corner, shape in shapes.items()}),
    ):
        names = {name for known in places.values() for name in known if not _open(name)}
        items = []
        for name in sorted(names):
            knows = tuple(
                corner
                for corner in Corner
                if corner not in shapes or knows_it(places[corner], name)
            )
            if len(knows) < len(Corner):
                items.append(Item(label, kind, name, knows))
        yield from _outermost(items)


def knows_it(places: set[str], name: str) -> bool:
    """Whether a place is told, or lies where anything may; a status also by `default` or `4XX`."""
    if name in places or f"{name[:1]}XX" in places or (ANY in places and name.startswith("5")):
        return True
    segments = name.split("/")
    for depth in range(len(segments)):
        if any(f"{above}{OPEN}" in places for above in _above(segments[:depth])):
            return True
    return any(_matches(place, segments) for place in places if OPEN in place)


def _above(segments: list[str]) -> Iterator[str]:
    yield f"{'/'.join(segments)}/" if segments else ""


def _matches(place: str, segments: list[str]) -> bool:
    """A place with an open segment in its middle: fields of any name, each of them described."""
    parts = place.split("/")
    return len(parts) == len(segments) and all(
        one in (OPEN, other) for one, other in zip(parts, segments, strict=True)
    )


def _open(name: str) -> bool:
    return OPEN in name or name == ANY or name.endswith("XX")


def _outermost(items: list[Item]) -> Iterator[Item]:
    """Without those that lie below another one with the same corners: they say nothing more."""
    names = {(item.name, item.knows) for item in items}
    for item in items:
        segments = item.name.split("/")
        above = ("/".join(segments[:depth]) for depth in range(1, len(segments)))
        if not any((name, item.knows) in names for name in above):
            yield item
