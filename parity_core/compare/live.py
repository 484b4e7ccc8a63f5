"""Compares one pair that was seen live, without a journey: the same rules, headers and waivers.

Of a journey's pair everything a stack wrote is its own; of a live pair both answers come from one set of
rows. So values that a rule lets differ must be equal here unless they were made by this very request:
an id is new if its row is, a moment is new if it is now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from parity_core.compare import waivers as waiver_file
from parity_core.compare.correspond import SKEW, Correspondence, Window
from parity_core.compare.diff import diff
from parity_core.compare.headers import neutral
from parity_core.compare.mail import describe
from parity_core.compare.rules import Rules
from parity_core.compare.sent_values import seconds
from parity_core.compare.values import decoded, plain
from parity_core.model import (
    Attribution,
    Change,
    Difference,
    Exchange,
    Finding,
    Pair,
    Reply,
    Request,
    RowChange,
    Side,
    Waiver,
)

__all__ = [
    "Difference",
    "Judge",
    "LiveReply",
    "Request",
    "RowChange",
    "mail_effect",
    "row_change",
    "same_reply",
    "unwaived",
]

_QUARTER = 900.0
"""The clocks of two time zones lie whole quarters of an hour apart."""
_FARTHEST = 14 * 3600 + SKEW


class LiveCorrespondence(Correspondence):
    """Ids and moments that were there before the request are the same on both sides."""

    def __init__(
        self, secrets: Mapping[str, str], new_legacy: frozenset[Any], new_ported: frozenset[Any]
    ) -> None:
        super().__init__(secrets=dict(secrets))
        self._new = new_legacy, new_ported

    def meet(self, namespace: str, legacy: Any, ported: Any) -> str | None:
        if legacy != ported and (legacy not in self._new[0] or ported not in self._new[1]):
            return "another id, and not that of a row this request has made"
        return super().meet(namespace, legacy, ported)

    def _timestamps(self, legacy: Any, ported: Any, window: Window) -> str | None:
        a, b = seconds(legacy), seconds(ported)
        if legacy != ported and a is not None and b is not None:
            since = a - window.legacy
            if abs(since) > _FARTHEST or abs(since - _QUARTER * round(since / _QUARTER)) > SKEW:
                return "another moment, and not that of this request"
        return super()._timestamps(legacy, ported, window)


@dataclass(frozen=True, slots=True)
class LiveReply:
    """One stack's part of a live pair. Bodies are decoded (no compression)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    started: float
    """Seconds since the epoch."""
    rows: Sequence[RowChange] = ()
    effects: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass
class Judge:
    """Says what differs in a live pair, by an application's rules and waivers."""

    rules: Rules
    waivers: list[Waiver]
    database: str
    """`sqlite` or `postgresql`, for waivers that hold for one."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Environment of the stacks: keys that tokens must be signed with."""

    def compare(
        self,
        operation: str,
        request: Request,
        legacy: LiveReply,
        ported: LiveReply,
        *,
        origin: str,
        rows: bool,
        today: date | None = None,
    ) -> list[Finding]:
        """All differences; those with a waiver are accepted. `rows`: whether rows are compared too."""
        pair = Pair(
            journey="live",
            step=1,
            where="",
            operation=Attribution(operation),
            legacy=_exchange(Side.LEGACY, request, legacy, origin),
            ported=_exchange(Side.PORTED, request, ported, origin),
            rows_compared=rows,
        )
        correspondence = LiveCorrespondence(self.secrets, _made(legacy.rows), _made(ported.rows))
        day = today or date.today()
        differences = diff(pair, self.rules, correspondence)
        return waiver_file.accept(self.waivers, pair, differences, self.database, day)


def unwaived(findings: Iterable[Finding]) -> list[Difference]:
    """The differences that no waiver accepts."""
    return [finding.difference for finding in findings if finding.waiver is None]


def same_reply(one: LiveReply, other: LiveReply, origin: str) -> bool:
    """Whether one stack answered twice the same: then nothing it shows has changed between."""
    if one.status != other.status:
        return False
    if one.body == other.body:
        return True
    bodies = []
    for reply in (one, other):
        try:
            bodies.append(json.loads(reply.body))
        except (ValueError, RecursionError):
            bodies.append(neutral(reply.body.decode("latin-1"), origin))
    return bool(bodies[0] == bodies[1])


def mail_effect(sender: str, receivers: list[str], content: bytes) -> Any:
    """A mail as journeys' mail server describes it."""
    return describe(sender, receivers, content)


def row_change(
    table: str,
    key_columns: tuple[str, ...],
    key: tuple[Any, ...],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    json_columns: frozenset[str],
) -> RowChange | None:
    """Values as the comparison of databases has them; None when nothing changed. JSON comes as text."""

    def values(row: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            name: decoded(value) if name in json_columns else plain(value)
            for name, value in (row or {}).items()
        }

    if before is None and after is None:
        return None
    change = (
        Change.INSERTED if before is None else Change.DELETED if after is None else Change.UPDATED
    )
    changed = RowChange(
        table, change, tuple(map(plain, key)), values(before), values(after), key_columns
    )
    return None if change is Change.UPDATED and not changed.columns else changed


def _made(rows: Iterable[RowChange]) -> frozenset[Any]:
    return frozenset(part for row in rows if row.change is Change.INSERTED for part in row.key)


def _exchange(side: Side, request: Request, reply: LiveReply, origin: str) -> Exchange:
    return Exchange(
        side=side,
        origin=origin,
        request=request,
        reply=Reply(
            reply.status or None, reply.headers, reply.body, "" if reply.status else "failed"
        ),
        started=reply.started,
        ended=reply.started,
        rows=list(reply.rows),
        effects={name: list(sent) for name, sent in reply.effects.items()},
    )
