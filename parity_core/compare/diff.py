"""Compares a pair: status, headers, body, rows and what left the stack. Pure.

JSON is compared by value: `1` is not `1.0`, a missing key is not `null`, lists have an order and
objects have none; lists that the legacy itself does not order are compared member by member. Text
that writes a Python literal (error messages made of dictionaries, whose order a hash decides) is
compared as the literal's value.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from parity_core.compare.archives import archive_members
from parity_core.compare.correspond import Correspondence, Window
from parity_core.compare.headers import diff_headers, neutral
from parity_core.compare.places import escape
from parity_core.compare.rules import RuleKind, Rules
from parity_core.compare.unordered import partners
from parity_core.model import MISSING, Change, Difference, Exchange, Pair, RowChange, same

_LIMIT = 200
"""Differences of one pair that are worth telling; that there are more is a difference that nothing accepts."""
_SAFE = {"GET", "HEAD", "OPTIONS"}
"""Calls that leave nothing behind where they go."""


def diff(pair: Pair, rules: Rules, correspondence: Correspondence) -> list[Difference]:
    """All differences of a pair; what the stacks generated is recorded in `correspondence`, and what was sent."""
    correspondence.sent.remember(pair.legacy.request, pair.ported.request)
    return _Diff(pair, rules, correspondence).all()


class _Diff:
    def __init__(self, pair: Pair, rules: Rules, correspondence: Correspondence) -> None:
        self.pair = pair
        self.rules = rules
        self.correspondence = correspondence
        self.operation = pair.operation.label
        self.window = Window(
            pair.legacy.started,
            pair.ported.started,
            pair.step,
            *(max(0.0, one.replied - one.started) for one in (pair.legacy, pair.ported)),
        )

    def all(self) -> list[Difference]:
        legacy, ported = self.pair.legacy, self.pair.ported
        # rows first: they tell which generated value meets which, and the body must agree with it
        rows = list(self.rows(legacy.rows, ported.rows)) if self.pair.rows_compared else []
        differences: list[Difference] = []
        if legacy.reply.status != ported.reply.status:
            differences.append(Difference("status", _status(legacy), _status(ported)))
        differences += self.headers(legacy, ported)
        differences += self.body(legacy, ported)
        differences += rows
        for name in sorted(legacy.effects.keys() | ported.effects.keys()):
            differences += self.effects(
                name, legacy.effects.get(name, []), ported.effects.get(name, [])
            )
        if len(differences) > _LIMIT:
            more = f"{len(differences) - _LIMIT} differences more than are told"
            differences = [*differences[:_LIMIT], Difference("more", MISSING, MISSING, more)]
        return differences

    @property
    def is_refused(self) -> bool:
        """The port refuses what the legacy does not: nothing says that it may leave anything behind.

        Where both refuse, what the legacy leaves is its behaviour, and compared as always.
        """
        legacy, ported = self.pair.legacy.reply.status, self.pair.ported.reply.status
        return _is_refusal(ported) and not _is_refusal(legacy)

    def effects(self, name: str, a: list[Any], b: list[Any]) -> Iterator[Difference]:
        """What left the stacks for one service; of a refusal each thing counts, but for reading."""
        if not self.is_refused:
            yield from self.walk(name, name, a, b)
            return
        for number in range(max(len(a), len(b))):
            if number >= len(b) or _reads(b[number]):
                yield from self.item(name, name, a, b, number, number)
                continue
            one = a[number] if number < len(a) else MISSING
            place = f"{name}/{number}"
            inner = [] if one is MISSING else list(self.walk(place, f"{name}/0", one, b[number]))
            yield Difference(place, one, b[number], _left(one, inner))
            # a waiver of what was left says how it looks, not that it corresponds
            yield from inner

    def headers(self, legacy: Exchange, ported: Exchange) -> Iterator[Difference]:
        for difference in diff_headers(legacy, ported, self.rules.ignored_headers):
            rule = self.rules.of(self.operation, difference.place)
            if rule and isinstance(difference.legacy, str) and isinstance(difference.ported, str):
                one, other = (
                    neutral(difference.legacy, legacy.origin),
                    neutral(difference.ported, ported.origin),
                )
                wrong = self.correspondence.check(rule, one, other, self.window)
                if wrong:
                    yield Difference(difference.place, difference.legacy, difference.ported, wrong)
            else:
                yield difference

    def body(self, legacy: Exchange, ported: Exchange) -> Iterator[Difference]:
        a, b = _json(legacy), _json(ported)
        raw = [exchange.reply.body for exchange in (legacy, ported)]
        if a is not MISSING and b is not MISSING:
            try:
                differences = list(self.walk("body", "body", a, b))
            except RecursionError:
                # nested deeper than can be walked: what it is as text decides
                pass
            else:
                yield from differences
                (front, end), (other_front, other_end) = map(_around, raw)
                endings = {(end, end), *self.rules.json_endings}
                if front != other_front or (end, other_end) not in endings:
                    blanks = [
                        (before + "…".encode() + after).decode()
                        for before, after in map(_around, raw)
                    ]
                    yield Difference("body", blanks[0], blanks[1], "other blanks around the JSON")
                return
        if raw[0] == raw[1]:
            return
        members = [archive_members(one) for one in raw]
        if None not in members:
            yield from self.walk("body", "body", *members)
            return
        texts = [_text(exchange) for exchange in (legacy, ported)]
        if texts[0] != texts[1] or None in texts:
            rule = self.rules.of(self.operation, "body")
            if rule and None not in texts:
                wrong = self.correspondence.check(rule, texts[0], texts[1], self.window)
                if wrong is None:
                    return
            one, other = (t if t is not None else r for t, r in zip(texts, raw, strict=True))
            yield Difference("body", one, other)

    def walk(self, place: str, shape: str, a: Any, b: Any) -> Iterator[Difference]:
        """Two values and their place; `shape` is the place with list positions left out."""
        if type(a) is not type(b):
            yield Difference(place, a, b, _type_words(a, b))
        elif isinstance(a, dict):
            for key in [*a, *(key for key in b if key not in a)]:
                name = escape(key)
                below, form = f"{place}/{name}", f"{shape}/{name}"
                if key not in a or key not in b:
                    yield Difference(below, a.get(key, MISSING), b.get(key, MISSING))
                else:
                    yield from self.walk(below, form, a[key], b[key])
        elif isinstance(a, list):
            if a != b and self.has_no_order(place):
                yield from self.members(place, shape, a, b)
                return
            if a != b and len(a) == len(b) and _sorted(a) == _sorted(b):
                yield Difference(place, a, b, "the same items in another order")
                return
            for number in range(max(len(a), len(b))):
                yield from self.item(place, shape, a, b, number, number)
        else:
            yield from self.leaf(place, shape, a, b)

    def item(
        self, place: str, shape: str, a: list[Any], b: list[Any], at: int | None, by: int | None
    ) -> Iterator[Difference]:
        """One item of a list by its position on each side; None or past the end where there is none."""
        one = a[at] if at is not None and at < len(a) else MISSING
        other = b[by] if by is not None and by < len(b) else MISSING
        below = f"{place}/{at if at is not None else by}"
        if one is MISSING or other is MISSING:
            yield Difference(below, one, other, f"{len(a)} items against {len(b)}")
        else:
            yield from self.walk(below, f"{shape}/0", one, other)

    def has_no_order(self, place: str) -> bool:
        return self.rules.has_no_order(self.operation, place, self.pair.legacy.request.path)

    def members(self, place: str, shape: str, a: list[Any], b: list[Any]) -> Iterator[Difference]:
        """Two lists without an order: each member has one partner, and agrees with it."""

        def distance(one: Any, other: Any) -> int:
            # tried on a copy: only whom it belongs to has met it
            trial = _Diff(self.pair, self.rules, self.correspondence.copy())
            return sum(1 for _ in trial.walk(f"{place}/0", f"{shape}/0", one, other))

        for at, by in partners(a, b, distance):
            yield from self.item(place, shape, a, b, at, by)

    def leaf(self, place: str, shape: str, a: Any, b: Any) -> Iterator[Difference]:
        rule = self.rules.of(self.operation, shape)
        if rule and a is not None:
            wrong = self.correspondence.check(rule, a, b, self.window)
            if wrong is None:
                return
            literals = _literals(a, b) if rule.kind is RuleKind.PATTERN else None
            if literals is None:
                yield Difference(place, a, b, wrong)
            else:
                # the rule is about another text at this place, and this one writes a dictionary
                yield from self.walk(place, shape, *literals)
        elif a != b and not (a != a and b != b):  # NaN, which some stacks write, is not itself
            if isinstance(a, str):
                one, other = (
                    neutral(a, self.pair.legacy.origin),
                    neutral(b, self.pair.ported.origin),
                )
                if one == other:
                    return
                literals = _literals(a, b)
                if literals is not None:
                    yield from self.walk(place, shape, *literals)
                    return
            yield Difference(place, a, b)

    def rows(
        self, legacy: Sequence[RowChange], ported: Sequence[RowChange]
    ) -> Iterator[Difference]:
        for a, b in self.partners(legacy, ported):
            change = a or b
            assert change is not None
            key = ",".join(escape(part) for part in change.key)
            place, shape = f"rows/{change.table}/{key}", f"rows/{change.table}/0"
            if a is None or b is None or a.change is not b.change:
                why = "a refusal left this row" if self.is_refused and b is not None else ""
                yield Difference(place, _described(a), _described(b), why, rows=(a, b))
                continue
            by_column = {name: list(ones) for name, ones in self.columns(a, b, place, shape)}
            if self.is_refused:
                inner = [one for ones in by_column.values() for one in ones]
                names = frozenset(name for name, ones in by_column.items() if ones)
                why = _left(a, inner)
                yield Difference(
                    place, _described(a), _described(b), why, rows=(a, b), columns=names
                )
            else:
                for ones in by_column.values():
                    yield from ones

    def columns(
        self, a: RowChange, b: RowChange, place: str, shape: str
    ) -> Iterator[tuple[str, Iterable[Difference]]]:
        """What differs in each column of two rows to which the same was done."""
        keys = [a.key_columns, a.key, b.key]
        if a.change is not Change.INSERTED:
            for name, one, other in zip(*keys, strict=True) if a.key_columns else ():
                yield name, self.walk(f"{place}/{name}", f"{shape}/{name}", one, other)
        if a.change is Change.DELETED:
            return
        one, other = a.columns, b.columns
        for name in [*one, *(name for name in other if name not in one)]:
            at = f"{place}/{escape(name)}"
            if name in one and name in other:
                yield name, self.walk(at, f"{shape}/{escape(name)}", one[name], other[name])
            else:
                words = [columns.get(name, "(not written)") for columns in (one, other)]
                yield name, [Difference(at, words[0], words[1])]

    def partners(
        self, legacy: Sequence[RowChange], ported: Sequence[RowChange]
    ) -> list[tuple[RowChange | None, RowChange | None]]:
        """Each changed row with its partner: by key where the key is known, else the most alike."""
        left = list(ported)
        pairs: list[tuple[RowChange | None, RowChange | None]] = []
        unsure: list[int] = []
        for a in legacy:
            key = self.expected_key(a)
            b = next(
                (r for r in left if key is not None and r.table == a.table and r.key == key), None
            )
            if b is not None:
                left.remove(b)
            else:
                unsure.append(len(pairs))
            pairs.append((a, b))
        for position in unsure:
            first = pairs[position][0]
            assert first is not None
            alike = [r for r in left if r.table == first.table and r.change is first.change]
            if alike:
                best = max(alike, key=lambda row: self.likeness(first, row))
                left.remove(best)
                pairs[position] = (first, best)
        return pairs + [(None, b) for b in left]

    def expected_key(self, row: RowChange) -> tuple[Any, ...] | None:
        """The key that the partner must have, or None when that is not known yet."""
        if not row.key_columns:
            return row.key
        key = []
        for name, value in zip(row.key_columns, row.key, strict=True):
            rule = self.rules.of(self.operation, f"rows/{row.table}/0/{name}")
            if rule is None or rule.kind is not RuleKind.ID:
                key.append(value)
                continue
            partner = self.correspondence.partner(rule.namespace, value)
            if row.change is Change.INSERTED and not self.correspondence.knows(
                rule.namespace, value, partner
            ):
                return None
            key.append(partner)
        return tuple(key)

    def likeness(self, a: RowChange, b: RowChange) -> tuple[int, bool]:
        """Columns that agree, an equal key decides between equals."""
        alike = sum(
            self.agree(f"rows/{a.table}/0/{name}", value, b.after.get(name, MISSING))
            for name, value in a.after.items()
        )
        return alike, a.key == b.key

    def agree(self, shape: str, a: Any, b: Any) -> bool:
        """Whether two values show that they belong together: generated ones only if they have met before."""
        rule = self.rules.of(self.operation, shape)
        if rule is None:
            return same(a, b)
        return rule.kind is RuleKind.ID and self.correspondence.knows(rule.namespace, a, b)


def _is_refusal(status: int | None) -> bool:
    return status is not None and 400 <= status < 500


def _reads(thing: Any) -> bool:
    """Whether what left a stack is a call that only asks."""
    return isinstance(thing, dict) and thing.get("method") in _SAFE


def _left(one: Any, inner: Sequence[Difference]) -> str:
    """Why what a refusal left is a difference."""
    if one is MISSING:
        return "a refusal left this"
    if not inner:
        return "a refusal left this, as the legacy's failure did"
    described = "; ".join(f"{d.place}: {_short(d.legacy)} → {_short(d.ported)}" for d in inner[:6])
    return f"a refusal left this; from the legacy's it differs in {described}"


def _short(value: Any) -> str:
    text = repr(value) if value is MISSING else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]} …"


def _status(exchange: Exchange) -> Any:
    return exchange.reply.status if exchange.reply.status is not None else exchange.reply.error


def _json(exchange: Exchange) -> Any:
    """The decoded body; MISSING when it is none, whatever its type claims, or not in UTF-8."""
    try:
        return json.loads(exchange.reply.body.decode())
    except (ValueError, RecursionError):
        return MISSING


def _text(exchange: Exchange) -> str | None:
    try:
        return neutral(exchange.reply.body.decode(), exchange.origin)
    except UnicodeDecodeError:
        return None


def _around(body: bytes) -> tuple[bytes, bytes]:
    """The blanks before and after a JSON value."""
    front = len(body) - len(body.lstrip())
    return body[:front], body[len(body.rstrip()) :]


def _literal(text: str) -> Any:
    """The value that a text like `{'json': ['x']}` writes; MISSING for any other text."""
    if not text.startswith(("{", "[")):
        return MISSING
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return MISSING
    # a set or a tuple would not be compared piece by piece
    return value if isinstance(value, dict | list) else MISSING


def _literals(a: Any, b: Any) -> tuple[Any, Any] | None:
    """The values that both texts write; None when either is no such text."""
    if not isinstance(a, str) or not isinstance(b, str):
        return None
    literals = _literal(a), _literal(b)
    return None if MISSING in literals else literals


def _sorted(items: list[Any]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True, default=str) for item in items)


def _type_words(a: Any, b: Any) -> str:
    if a is MISSING or b is MISSING:
        return ""
    return f"{type(a).__name__} against {type(b).__name__}"


def _described(row: RowChange | None) -> str:
    if row is None:
        return "(no change)"
    values = row.before if row.change is Change.DELETED else row.columns
    return f"{row.change} {json.dumps(values, default=str, ensure_ascii=False)}"
