"""The words of the bridge: operations, stacks, modes, and what either stack says about itself."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

_PLAIN_PARAMETER = re.compile(r"<(?P<name>[A-Za-z_]\w*)>")


class Stack(StrEnum):
    """Who answers a request."""

    LEGACY = "legacy"
    PORTED = "ported"


class Mode(StrEnum):
    """What the bridge does with one operation."""

    LEGACY = "legacy"
    PORTED = "ported"

    @property
    def stack(self) -> Stack:
        """The stack whose reply the client gets."""
        return Stack(self.value)


class OperationError(ValueError):
    """The text is not an operation."""


@dataclass(frozen=True, slots=True, order=True)
class Operation:
    """One method of one URL rule; the rule is written as Flask writes it."""

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
