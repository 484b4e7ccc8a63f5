"""The one-to-one map between values that the two stacks generated themselves. Pure.

It is checked, not ignored: an id met before must meet the same partner again, in both directions;
a timestamp met in an earlier step must meet its partner of then.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self

from parity_core import password_hash
from parity_core.compare import tokens
from parity_core.compare.rules import Rule, RuleKind
from parity_core.compare.sent_values import SentValues, seconds

SKEW = 5.0
"""Seconds that two timestamps of the same step may lie apart."""
JITTER = 0.002
"""Seconds within which two timestamps made by one request count as one."""

_RELAXED = {RuleKind.TIMESTAMP, RuleKind.DURATION, RuleKind.SECRET}
"""Kinds of which two values may differ; a value that the client sent is none of them."""
_SENT = "the client sent this value: it is not the stacks' own"


@dataclass(frozen=True)
class Window:
    """When the step was sent, on each side, in seconds since the epoch, and how long the replies took."""

    legacy: float = 0.0
    ported: float = 0.0
    step: int = 0
    legacy_took: float = 0.0
    ported_took: float = 0.0

    def is_far(self, offset: float) -> bool:
        """Whether two moments lie further apart, counted from the request, than the replies explain.

        A stack that was made to wait takes its moment late: by as much as its reply took, at most.
        """
        return not -self.legacy_took - SKEW <= offset <= self.ported_took + SKEW


@dataclass
class Correspondence:
    """Remembers what met what. One per pair of databases and journey."""

    secrets: dict[str, str] = field(default_factory=dict)
    """Environment of the targets, for keys that tokens must be signed with."""
    sent: SentValues = field(default_factory=SentValues)
    """What the client has sent to both: no stack generated that."""
    _forth: dict[tuple[str, Any], Any] = field(default_factory=dict)
    _back: dict[tuple[str, Any], Any] = field(default_factory=dict)
    _times: dict[float, list[tuple[float, int]]] = field(default_factory=dict)

    def copy(self) -> Self:
        """One that goes on from here by itself."""
        twin = copy(self)
        twin._forth, twin._back = dict(self._forth), dict(self._back)
        twin._times = {moment: list(partners) for moment, partners in self._times.items()}
        return twin

    def partner(self, namespace: str, legacy: Any) -> Any:
        """The ported value that this legacy value has met, or the value itself."""
        return self._forth.get((namespace, legacy), legacy)

    def knows(self, namespace: str, legacy: Any, ported: Any) -> bool:
        return bool(self._forth.get((namespace, legacy), _NOTHING) == ported)

    def meet(self, namespace: str, legacy: Any, ported: Any) -> str | None:
        """Records a meeting; says what is wrong when either value has met another before."""
        before = self._forth.get((namespace, legacy), _NOTHING)
        if before is not _NOTHING and before != ported:
            return f"{namespace} {legacy!r} of the legacy was {before!r} of the port before"
        origin = self._back.get((namespace, ported), _NOTHING)
        if origin is not _NOTHING and origin != legacy:
            return f"{namespace} {ported!r} of the port was {origin!r} of the legacy before"
        self._forth[namespace, legacy] = ported
        self._back[namespace, ported] = legacy
        return None

    def check(self, rule: Rule, legacy: Any, ported: Any, window: Window) -> str | None:
        """What is wrong between two values that a rule covers; None when they correspond."""
        is_equal = legacy == ported and type(legacy) is type(ported)
        if rule.kind is RuleKind.ID:
            if type(legacy) is not type(ported):
                return f"{type(legacy).__name__} against {type(ported).__name__}"
            return self.meet(rule.namespace, legacy, ported) or id_forms(legacy, ported)
        if rule.kind in _RELAXED and self.sent.holds(legacy):
            return None if is_equal or self.sent.same_moment(legacy, ported) else _SENT
        if rule.kind is RuleKind.TIMESTAMP:
            return self._timestamps(legacy, ported, window)
        has_ids = rule.group is not None and rule.group.kind is RuleKind.ID
        if is_equal and not has_ids:
            return None
        if rule.kind is RuleKind.DURATION:
            return _durations(legacy, ported)
        if not isinstance(legacy, str) or not isinstance(ported, str):
            return "not both text"
        if rule.kind is RuleKind.TOKEN:
            return self._tokens(rule, legacy, ported, window)
        if rule.kind is RuleKind.PASSWORD_HASH:
            return _hashes(legacy, ported)
        if rule.kind is RuleKind.SECRET:
            return _secrets(rule, legacy, ported)
        return self._patterns(rule, legacy, ported, window)

    def _timestamps(self, legacy: Any, ported: Any, window: Window) -> str | None:
        if type(legacy) is not type(ported):
            return f"{type(legacy).__name__} against {type(ported).__name__}"
        if isinstance(legacy, str) and shape(legacy) != shape(ported):
            return f"written `{shape(legacy)}` against `{shape(ported)}`"
        a, b = seconds(legacy), seconds(ported)
        if a is None or b is None:
            return None if legacy == ported else "not timestamps"
        known = self._times.setdefault(a, [])
        earlier = [partner for partner, step in known if step < window.step]
        if earlier:
            # an HTTP date has no fractions: two moments of one second may show as two
            slack = 1.0 if isinstance(legacy, str) and legacy.endswith(" GMT") else JITTER
            if any(abs(b - partner) <= slack for partner in earlier):
                return None
            return "this moment of the legacy was another moment of the port before"
        known.append((b, window.step))
        if legacy == ported:
            return None
        offset = (b - window.ported) - (a - window.legacy)
        if window.is_far(offset):
            return f"{offset:+.1f} s apart, counted from the request"
        return None

    def _tokens(self, rule: Rule, legacy: str, ported: str, window: Window) -> str | None:
        a, b = tokens.parse(legacy), tokens.parse(ported)
        if a is None or b is None:
            return "not both tokens"
        if a.header != b.header:
            return f"token headers {a.header} against {b.header}"
        if a.claims.keys() != b.claims.keys():
            return f"claims {sorted(a.claims)} against {sorted(b.claims)}"
        for claim, value in a.claims.items():
            other = b.claims[claim]
            if claim not in tokens.TIMES:
                if value != other or type(value) is not type(other):
                    return f"claim {claim}: {value!r} against {other!r}"
            elif type(value) is not type(other):
                return f"claim {claim}: {type(value).__name__} against {type(other).__name__}"
            elif isinstance(value, int | float) and window.is_far(
                (other - window.ported) - (value - window.legacy)
            ):
                return f"claim {claim}: {other - value:+} s"
        if {"exp", "iat"} <= a.claims.keys():
            lasts = [token.claims["exp"] - token.claims["iat"] for token in (a, b)]
            if abs(lasts[0] - lasts[1]) > 1:
                return f"lasts {lasts[0]} s against {lasts[1]} s"
        if rule.verify:
            secret = self.secrets.get(rule.verify, "")
            for token, side in ((a, "legacy"), (b, "port")):
                if not token.is_signed_with(secret):
                    return f"the {side}'s token is not signed with {rule.verify}"
        return None

    def _patterns(self, rule: Rule, legacy: str, ported: str, window: Window) -> str | None:
        assert rule.pattern is not None
        assert rule.group is not None
        a, b = rule.pattern.search(legacy), rule.pattern.search(ported)
        if a is None or b is None:
            return None if legacy == ported else "not both of the pattern's form"
        if _outside(a) != _outside(b):
            return "the text around the generated part differs"
        for texts in zip(a.groups(), b.groups(), strict=True):
            one, other = map(_id, texts) if rule.group.kind is RuleKind.ID else texts
            wrong = self.check(rule.group, one, other, window)
            if wrong:
                return wrong
        return None


_NOTHING = object()


def _outside(match: re.Match[str]) -> list[str]:
    """The text of a match's whole string without what its groups hold."""
    pieces, end = [], 0
    for number in range(1, (match.re.groups or 0) + 1):
        if match.start(number) < 0:  # an optional group that is not there
            pieces.append("")
            continue
        pieces.append(match.string[end : match.start(number)])
        end = match.end(number)
    return [*pieces, match.string[end:]]


def _id(text: str | None) -> str | int | None:
    """An id inside text is the same id as in a column."""
    return int(text) if text is not None and re.fullmatch(r"0|[1-9]\d{0,18}", text) else text


def shape(text: str) -> str:
    """`2026-01-02T03:04:05` as `9999-99-99T99:99:99`, `Mon` as `Aaa`: the format, not the moment."""
    return re.sub(r"[A-Za-z]{3,}", "Aaa", re.sub(r"\d", "9", text))


_ALPHABETS = tuple(map(re.compile, ("[0-9a-f]*", "[0-9A-F]*", "[0-9a-z]*", "[0-9A-Z]*")))
_LONG = 16
"""Characters from which on chance does not write a text in a smaller alphabet than its own."""


def id_forms(legacy: Any, ported: Any) -> str | None:
    """What is wrong in the form of two ids: their length, their signs, the alphabet of long ones."""
    if not isinstance(legacy, str) or not isinstance(ported, str) or legacy == ported:
        return None
    if len(legacy) != len(ported):
        return f"ids of {len(legacy)} and {len(ported)} characters"
    texts = [re.sub(r"[0-9A-Za-z]", "", text) for text in (legacy, ported)]
    plain = [re.sub(r"[^0-9A-Za-z]", "", text) for text in (legacy, ported)]
    if texts[0] != texts[1]:
        return "ids with other signs in them"
    if len(legacy) >= _LONG and [a.fullmatch(plain[0]) is None for a in _ALPHABETS] != [
        a.fullmatch(plain[1]) is None for a in _ALPHABETS
    ]:
        return "ids in another alphabet"
    return None


def _hashes(legacy: str, ported: str) -> str | None:
    if len(legacy) != len(ported):
        return f"{len(legacy)} characters against {len(ported)}"
    a, b = password_hash.scheme(legacy), password_hash.scheme(ported)
    if a is None or b is None:
        return "not both password hashes"
    if a != b:
        return f"scheme and cost {a} against {b}"
    return None


def _durations(legacy: Any, ported: Any) -> str | None:
    """Seconds that some work took: how many is nobody's promise, that they are seconds is."""
    for value, side in ((legacy, "legacy"), (ported, "port")):
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            return f"the {side}'s is no number of seconds"
    return None if type(legacy) is type(ported) else "a whole number against a broken one"


def _secrets(rule: Rule, legacy: str, ported: str) -> str | None:
    """Random text: of the rule's form, or of one length; its characters are nobody's promise."""
    if rule.form:
        for text, side in ((legacy, "legacy"), (ported, "port")):
            if not rule.form.fullmatch(text):
                return f"the {side}'s is not of the form {rule.form.pattern}"
        return None
    if len(legacy) != len(ported) or not legacy:
        return f"{len(legacy)} characters against {len(ported)}"
    return None
