"""What one waiver covers: a whole reply, one value, one row, one thing that left a stack. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from parity_core.compare.expectation import Expected, ExpectedReply, ExpectedRow
from parity_core.compare.places import place_matches
from parity_core.model import Difference, Pair


@dataclass(frozen=True)
class ReplyScope:
    """Two whole replies. Their status and bodies may differ, and the headers that are named."""

    legacy: ExpectedReply
    ported: ExpectedReply
    at_most = None

    def covers(self, pair: Pair, difference: Difference) -> bool:
        root, _, name = difference.place.partition("/")
        if not self.legacy.accepts(pair.legacy) or not self.ported.accepts(pair.ported):
            return False
        if root == "header":
            return self.legacy.accepts_header(
                pair.legacy.reply, name
            ) and self.ported.accepts_header(pair.ported.reply, name)
        return root in ("status", "body")

    def __str__(self) -> str:
        return f"reply {self.legacy.status} → {self.ported.status}"


@dataclass(frozen=True)
class ValueScope:
    """Two values at a place of a reply, or in a column of a row that both stacks wrote."""

    places: tuple[str, ...]
    legacy: Expected
    ported: Expected
    legacy_status: int | None = None
    ported_status: int | None = None
    at_most = None

    def covers(self, pair: Pair, difference: Difference) -> bool:
        return (
            any(place_matches(place, difference.place) for place in self.places)
            and difference.rows is None
            and self.legacy_status in (None, pair.legacy.reply.status)
            and self.ported_status in (None, pair.ported.reply.status)
            and self.legacy.accepts(difference.legacy)
            and self.ported.accepts(difference.ported)
        )

    def __str__(self) -> str:
        return ", ".join(self.places)


@dataclass(frozen=True)
class RowScope:
    """One row of a table that one stack wrote, or that a refusal left."""

    table: str
    legacy: ExpectedRow
    ported: ExpectedRow
    legacy_status: int | None = None
    ported_status: int | None = None
    at_most: int = 1

    def covers(self, pair: Pair, difference: Difference) -> bool:
        if difference.rows is None or difference.place.split("/")[1] != self.table:
            return False
        if self.legacy_status not in (None, pair.legacy.reply.status):
            return False
        if self.ported_status not in (None, pair.ported.reply.status):
            return False
        legacy, ported = difference.rows
        alone = legacy is None or ported is None or legacy.change is not ported.change
        differing = frozenset() if alone else difference.columns
        return self.legacy.accepts(legacy, differing, alone) and self.ported.accepts(
            ported, differing, alone
        )

    def __str__(self) -> str:
        return f"rows/{self.table}"


@dataclass(frozen=True)
class EffectScope:
    """One mail, call or file of a stack as a whole, or a value in it: `mail/*`, `airflow/*/path`."""

    place: str
    legacy: Expected
    ported: Expected
    legacy_status: int | None = None
    ported_status: int | None = None
    at_most: int = 1

    def covers(self, pair: Pair, difference: Difference) -> bool:
        return (
            place_matches(self.place, difference.place)
            and self.legacy_status in (None, pair.legacy.reply.status)
            and self.ported_status in (None, pair.ported.reply.status)
            and self.legacy.accepts(difference.legacy)
            and self.ported.accepts(difference.ported)
        )

    def __str__(self) -> str:
        return self.place
