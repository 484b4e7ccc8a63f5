"""Learned rules: what one stack differs in from itself, as a file, and what such a rule may accept.

A learned rule relaxes a value, and nothing else. It never applies to a pair whose statuses differ or
that was answered 401 or 403, to a header that decides about either, to a missing value, to another
type, to a row that only one side has, nor after it has expired.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from parity_core.compare import rules, tokens
from parity_core.compare.correspond import Correspondence, Window
from parity_core.compare.places import operation_matches, place_matches
from parity_core.model import MISSING, Difference, Pair

_REQUIRED = {"operation", "place", "kind", "learned", "expires", "evidence"}
_EVIDENCE = {"journey", "step", "differed", "pairs"}
_GUARD = (401, 403)
_NOT_WRITTEN = "(not written)"
_ANY_MOMENT = 1e9
"""Seconds since the epoch: a smaller number is not taken for a moment."""
_WHOLE_ROW = 3
"""Segments of the place of a row that only one side has."""


class LearnedKind(StrEnum):
    """From the strictest to the loosest: the first that holds for all that was seen is learned."""

    TIMESTAMP = "timestamp"
    TOKEN = "token"
    PASSWORD_HASH = "password_hash"
    ONE_TO_ONE = "one-to-one"
    """No noise: a value that each side made itself, and that always means the same."""
    DURATION = "duration"
    ORDER = "order"
    """The same items in another order."""
    VALUE = "value"


_CHECKED = {
    LearnedKind.TIMESTAMP: rules.RuleKind.TIMESTAMP,
    LearnedKind.TOKEN: rules.RuleKind.TOKEN,
    LearnedKind.PASSWORD_HASH: rules.RuleKind.PASSWORD_HASH,
    LearnedKind.DURATION: rules.RuleKind.DURATION,
}


@dataclass(frozen=True)
class LearnedEvidence:
    """Where it was seen first, and in how many of the operation's pairs."""

    journey: str
    step: int
    differed: int
    pairs: int


@dataclass(frozen=True)
class LearnedRule:
    operation: str
    place: str
    kind: LearnedKind
    learned: date
    expires: date
    evidence: LearnedEvidence

    def __str__(self) -> str:
        evidence = self.evidence
        return (
            f"{self.operation} · {self.place} · {self.kind} (seen in {evidence.differed} of {evidence.pairs} "
            f"pairs, first in {evidence.journey}, step {evidence.step}, on {self.learned})"
        )


def never(pair: Pair, difference: Difference) -> str:
    """Why no learned rule may accept a difference; empty when one may."""
    statuses = {pair.legacy.reply.status, pair.ported.reply.status}
    if len(statuses) > 1:
        return "the statuses differ"
    if statuses & set(_GUARD):
        return "the request was refused"
    place, a, b = difference.place, difference.legacy, difference.ported
    segments = place.split("/")
    if place in rules.NEVER or segments[0] == "capture":
        return "no value"
    if segments[0] == "rows" and (len(segments) <= _WHOLE_ROW or _NOT_WRITTEN in (a, b)):
        return "a row, or one of its columns, is written on one side only"
    if a is MISSING or b is MISSING:
        return "it is there on one side only"
    if type(a) is not type(b):
        return f"{type(a).__name__} against {type(b).__name__}"
    if place == "body" and not isinstance(a, list):
        return "a whole reply is no value"
    return ""


def holds(
    kind: LearnedKind, place: str, a: Any, b: Any, correspondence: Correspondence, window: Window
) -> bool:
    """Whether two values, of one type, differ in no more than a rule of this kind accepts."""
    if kind is LearnedKind.TIMESTAMP and isinstance(a, int | float) and min(a, b) < _ANY_MOMENT:
        return False
    if kind in _CHECKED:
        return correspondence.check(rules.Rule(place, _CHECKED[kind]), a, b, window) is None
    if kind is LearnedKind.ONE_TO_ONE:
        if isinstance(a, bool) or not isinstance(a, int | str):
            return False
        # a text means the same wherever it is; a number may be that of anything
        return correspondence.meet("text" if isinstance(a, str) else place, a, b) is None
    if kind is LearnedKind.ORDER:
        return isinstance(a, list) and sorted(map(_text, a)) == sorted(map(_text, b))
    # a token is authentication
    is_token = isinstance(a, str) and tokens.parse(a) is not None
    return isinstance(a, str | int | float) and not is_token


def _text(item: Any) -> str:
    return json.dumps(item, sort_keys=True, default=str)


@dataclass
class Learned:
    """The rules of a file, applied journey by journey."""

    rules: Sequence[LearnedRule] = ()
    today: date = field(default_factory=date.today)
    used: Counter[LearnedRule] = field(default_factory=Counter)
    _by_journey: dict[str, Correspondence] = field(default_factory=dict)

    @property
    def expired(self) -> list[LearnedRule]:
        return [rule for rule in self.rules if rule.expires < self.today]

    def left(self, pair: Pair, differences: Iterable[Difference]) -> list[Difference]:
        """Those differences that no rule accepts."""
        return [one for one in differences if not self._accepts(pair, one)]

    def notes(self) -> list[str]:
        """For a report: which rules were used, and which are too old."""
        lines = [f"learned rule used {count} times: {rule}" for rule, count in self.used.items()]
        return lines + [
            f"learned rule expired on {rule.expires}, not applied; `parity calibrate` learns anew: {rule}"
            for rule in self.expired
        ]

    def _accepts(self, pair: Pair, difference: Difference) -> bool:
        rule = self._rule(pair.operation.label, difference.place)
        if rule is None or never(pair, difference):
            return False
        correspondence = self._by_journey.setdefault(pair.journey, Correspondence())
        window = Window(pair.legacy.started, pair.ported.started, pair.step)
        if not holds(
            rule.kind, rule.place, difference.legacy, difference.ported, correspondence, window
        ):
            return False
        self.used[rule] += 1
        return True

    def _rule(self, operation: str, place: str) -> LearnedRule | None:
        return next(
            (
                rule
                for rule in self.rules
                if rule.expires >= self.today
                and operation_matches(rule.operation, operation)
                and place_matches(rule.place, place)
            ),
            None,
        )


def parse(table: dict[str, Any]) -> LearnedRule:
    wrong = (table.keys() ^ _REQUIRED) | (dict(table.get("evidence") or {}).keys() ^ _EVIDENCE)
    if wrong:
        raise ValueError(f"missing or unknown: {', '.join(sorted(wrong))}")
    for name in ("learned", "expires"):
        if not isinstance(table[name], date):
            raise ValueError(f"`{name}` is a date without quotes, as 2027-01-31")
    covered = [one for one in rules.NEVER if place_matches(table["place"], one)]
    if covered:
        raise ValueError(f"`{table['place']}` covers {covered[0]}, which no rule relaxes")
    return LearnedRule(
        operation=str(table["operation"]),
        place=str(table["place"]),
        kind=LearnedKind(table["kind"]),
        learned=table["learned"],
        expires=table["expires"],
        evidence=LearnedEvidence(**table["evidence"]),
    )


_HEAD = """\
# What the legacy differs in from itself, learned by `parity calibrate`; `parity run --learned FILE` applies it.
# `one-to-one` is no noise: such values must go on corresponding. A rule ends at `expires`.
"""


def render(learned: Iterable[LearnedRule]) -> str:
    parts = [_HEAD]
    for rule in sorted(learned, key=lambda rule: (rule.operation, rule.place)):
        evidence = rule.evidence
        parts.append(
            "[[learned]]\n"
            f"operation = {_quoted(rule.operation)}\n"
            f"place = {_quoted(rule.place)}\n"
            f"kind = {_quoted(rule.kind.value)}\n"
            f"learned = {rule.learned}\n"
            f"expires = {rule.expires}\n"
            f"evidence = {{ journey = {_quoted(evidence.journey)}, step = {evidence.step}, "
            f"differed = {evidence.differed}, pairs = {evidence.pairs} }}\n"
        )
    return "\n".join(parts)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL and halves of surrogate pairs, which no place has
    return json.dumps(text, ensure_ascii=True)
