"""The words of a comparison as values: requests, replies, pairs, differences, journeys, waivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, StrEnum
from typing import Any, Protocol

Json = Any
"""A decoded JSON value."""


class Missing(Enum):
    """What a value is when there is none, which `null` is not."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "(missing)"


MISSING = Missing.MISSING


class Side(StrEnum):
    """Which of the two stacks."""

    LEGACY = "legacy"
    PORTED = "ported"


class Change(StrEnum):
    INSERTED = "inserted"
    UPDATED = "updated"
    DELETED = "deleted"


class ParityError(Exception):
    """The comparison could not run; the message says what to do next."""


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    """Path and query as they go on the wire."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    @property
    def path(self) -> str:
        return self.target.split("?", 1)[0]


@dataclass(frozen=True)
class Reply:
    status: int | None
    """None when no reply came; `error` then says why."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""
    timed_out: bool = False
    """There was no reply for as long as anybody waits: that tells of the machine, not of the stack."""

    def header(self, name: str) -> str | None:
        """All values of a header joined as HTTP joins them, or None."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(values) if values else None


@dataclass(frozen=True)
class RowChange:
    """One row that one step inserted, updated or deleted; the mappings hold columns by name."""

    table: str
    change: Change
    key: tuple[Any, ...]
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    key_columns: tuple[str, ...] = ()
    """Names of the key's columns; none when the table has no primary key."""

    @property
    def columns(self) -> dict[str, Any]:
        """What the change wrote: the whole row when inserted, the changed columns when updated."""
        if self.change is Change.UPDATED:
            return {k: v for k, v in self.after.items() if not same(v, self.before.get(k))}
        return dict(self.after)


def same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and a == b


@dataclass
class Exchange:
    """One request with one stack's reply, and what it did to that stack's world."""

    side: Side
    origin: str
    """`http://host:port` of the stack: its own address is not a difference."""
    request: Request
    reply: Reply
    started: float = 0.0
    ended: float = 0.0
    """Seconds since the epoch."""
    rows: list[RowChange] = field(default_factory=list)
    effects: dict[str, list[Json]] = field(default_factory=dict)
    """What left the stack, by service: `{"mail": [{…}]}`."""
    replied: float = 0.0
    """When the reply that is compared was there; what follows until `ended` is the comparison's own work."""


class Place(StrEnum):
    """How an operation relates to the rules of the legacy."""

    OPERATION = "operation"
    IMPLICIT = "implicit"
    NOT_ALLOWED = "405"
    REDIRECT = "redirect"
    NOT_FOUND = "404"
    SEED = "seed"


@dataclass(frozen=True, order=True)
class Attribution:
    """Which operation a request is, or in which way it is none."""

    label: str
    place: Place = Place.OPERATION


@dataclass
class Pair:
    journey: str
    step: int
    """Position among the expanded steps of the journey, from 1."""
    where: str
    """`file:line` of the step."""
    operation: Attribution
    legacy: Exchange
    ported: Exchange
    user: str = ""
    note: str = ""
    rows_compared: bool = True
    clients: int = 1
    """Requests that were sent at the same time, this one among them."""
    unclear: str = ""
    """Why nothing can be said of this pair: neither that it is the same nor that it differs."""

    @property
    def waiting(self) -> float:
        """Seconds in which a stack was at work on it."""
        return max(0.0, *(one.replied - one.started for one in (self.legacy, self.ported)))


@dataclass(frozen=True)
class Difference:
    """One disagreement: `status`, `header/allow`, `body/0/id`, `rows/users/5/email`, `mail/0/subject`."""

    place: str
    legacy: Any
    ported: Any
    why: str = ""
    rows: tuple[RowChange | None, RowChange | None] | None = None
    """Of a row as a whole: what each stack did to it."""
    columns: frozenset[str] = frozenset()
    """Of a row that both wrote: the columns that differ."""


@dataclass
class Finding:
    """A difference with the pair it came from and the waiver that accepts it, if one does."""

    pair: Pair
    difference: Difference
    waiver: Waiver | None = None


class Scope(Protocol):
    """Which differences of which pairs a waiver accepts."""

    @property
    def at_most(self) -> int | None:
        """How many differences of one pair it accepts; None for all."""

    def covers(self, pair: Pair, difference: Difference) -> bool: ...


class Asked(Protocol):
    """Which requests a waiver is about."""

    def accepts(self, request: Request) -> bool: ...


@dataclass
class Waiver:
    operation: str
    scope: Scope
    request: Asked
    owner: str
    reason: str
    expires: date
    database: str | None = None
    at_once: bool = False
    """It accepts only what comes of several clients at the same time."""
    where: str = ""
    """`waivers.toml:12`, the line on which it begins."""
    used: int = 0

    def __str__(self) -> str:
        at = f"{self.where} · " if self.where else ""
        return f"{at}{self.operation} · {self.scope} (owner {self.owner}: {self.reason})"
