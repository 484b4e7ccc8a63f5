"""The words of the bridge: operations, stacks, modes, and what either stack says about itself."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, Self

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""By the definition of HTTP they change nothing, and may be asked twice."""

_PLAIN_PARAMETER = re.compile(r"<(?P<name>[A-Za-z_]\w*)>")


class Stack(StrEnum):
    """Who answers a request."""

    LEGACY = "legacy"
    PORTED = "ported"

    @property
    def other(self) -> "Stack":
        return Stack.PORTED if self is Stack.LEGACY else Stack.LEGACY


class Mode(StrEnum):
    """What the bridge does with one operation, from the safest to the last."""

    LEGACY = "legacy"
    SHADOW = "shadow"
    """The legacy answers, the port is asked too and compared."""
    CANARY = "canary"
    """A share of the users gets the port; for the others the port is compared, as in shadow."""
    MIRROR = "mirror"
    """The port answers, the legacy is asked too and compared."""
    PORTED = "ported"

    @property
    def stack(self) -> Stack:
        """The stack whose reply the client gets; in canary, that of those outside the share."""
        return Stack.PORTED if self in (Mode.MIRROR, Mode.PORTED) else Stack.LEGACY

    @property
    def compared(self) -> Stack | None:
        """The stack that is asked too, where `stack` answers."""
        return None if self in (Mode.LEGACY, Mode.PORTED) else self.stack.other


class OperationError(ValueError):
    """The text is not an operation."""


class AssignmentError(ValueError):
    """The text is not a mode with its share."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A mode with, for canary, the share of users in hundredths of a percent (0 to 10 000)."""

    mode: Mode
    share: int = 0

    @classmethod
    def parse(cls, text: "str | Mode | Assignment") -> Self:
        """`legacy`, `canary 5%`, or `5` and `5%` alone for a canary."""
        if isinstance(text, Assignment):
            return cls(text.mode, text.share)
        word, _, percent = text.strip().partition(" ")
        if word[:1].isdigit() or word[:1] == ".":
            word, percent = Mode.CANARY.value, text
        try:
            mode = Mode(word)
        except ValueError:
            raise AssignmentError(
                f"'{text}' is not a mode: write one of {', '.join(Mode)}, a canary with its share, "
                "for example 'canary 5%'"
            ) from None
        if mode is not Mode.CANARY:
            if percent.strip():
                raise AssignmentError(f"'{text}': only canary has a share")
            return cls(mode)
        return cls(mode, _hundredths(percent, text))

    def __str__(self) -> str:
        return f"{self.mode} {self.percent:g}%" if self.mode is Mode.CANARY else self.mode.value

    @property
    def percent(self) -> float:
        return self.share / 100


def _hundredths(percent: str, text: str) -> int:
    try:
        share = round(float(percent.strip().removesuffix("%")) * 100)
    except ValueError:
        raise AssignmentError(f"'{text}': say the share, for example 'canary 5%'") from None
    if not 0 <= share <= 10_000:
        raise AssignmentError(f"'{text}': the share must be between 0% and 100%")
    return share


class Operation(NamedTuple):
    """One method of one URL rule; the rule is written as Flask writes it.

    A tuple, for it is looked up on every request, and tuples hash themselves.
    """

    method: str
    rule: str

    @classmethod
    def parse(cls, text: str) -> Self:
        method, _, rule = text.strip().partition(" ")
        rule = rule.strip()
        if not method.isalpha() or not rule.startswith("/"):
            raise OperationError(
                f"'{text}' is not an operation: write METHOD and rule, for example "
                "'GET /thing/<int:idx>/'"
            )
        return cls(method.upper(), rule)

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def canonical_rule(rule: str) -> str:
    """The rule with its unspoken converter said: `/x/<idx>/` and `/x/<string:idx>/` are one rule."""
    return _PLAIN_PARAMETER.sub(r"<string:\g<name>>", rule)


@dataclass(frozen=True, slots=True)
class LegacyRule:
    """One rule of the legacy's `url_map`."""

    rule: str
    methods: frozenset[str]
    """As the legacy has them, so with HEAD and OPTIONS where it answers them."""
    endpoint: str
    guarded: frozenset[str] = frozenset()
    """The methods that pass a permission check."""
    strict_slashes: bool | None = None
    merge_slashes: bool | None = None
    infrastructure: bool = False
    """Static files, API descriptions: never ported, not counted."""


class PortedOperation(Protocol):
    """What the port says about one operation it implements."""

    @property
    def method(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def guarded(self) -> bool: ...
