"""One request as it is drawn: what it refers to is not known yet, so that draws depend on no reply.

The same seed draws the same requests whatever the stacks answer. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any

from parity_core.model import MISSING, Json
from parity_tests.fuzz.catalogue import FuzzOperation


class Wish(StrEnum):
    """Which thing of a kind is meant, seen from the user who asks."""

    MINE = auto()
    """Made first if there is none."""
    SECOND = auto()
    """Mine, and not the first; made too if there is only one."""
    LATEST = auto()
    """The one that was made last, by whoever, or `pick` before that; made first if there is none."""
    NEW = auto()
    """Made for this request, whatever there is."""
    OTHERS = auto()
    GONE = auto()
    NEVER = auto()
    """An id that nothing has."""


@dataclass(frozen=True)
class Ref:
    kind: str
    wish: Wish = Wish.MINE
    pick: int = 0
    """Position among those that fit, counted around."""
    like: str = ""
    """Of things that are values of fields, only those of a field that begins as this name does."""
    change: str = ""
    """What is done to a moment before it is sent (journeys/templates.py)."""


HeaderValue = str | Ref | tuple[str | Ref, ...]
"""Of a header: text, a thing, or both one after another."""


class Damage(StrEnum):
    """What is done to a body after it was written as JSON or as a form."""

    NONE = auto()
    DUPLICATE_KEY = auto()
    TRUNCATED = auto()
    TRAILING = auto()
    EMPTY = auto()
    TEXT = auto()
    PLAIN = auto()
    """Another content type."""
    CHARSET = auto()
    NO_TYPE = auto()
    GZIP = auto()
    FAKE_GZIP = auto()
    BOM = auto()


class Spelling(StrEnum):
    USUAL = auto()
    NO_SLASH = auto()
    DOUBLE_SLASH = auto()


@dataclass(frozen=True)
class Draft:
    user: Json | Ref = None
    path: Mapping[str, str | Ref] = field(default_factory=dict)
    query: tuple[tuple[str, Json | Ref], ...] = ()
    body: Json = MISSING
    """May hold a Ref anywhere."""
    form: Mapping[str, Json] | None = None
    damage: Damage = Damage.NONE
    headers: Mapping[str, HeaderValue] = field(default_factory=dict)
    method: str | None = None
    spelling: Spelling = Spelling.USUAL
    again: bool = False
    """With the `{n}` of the request before, so that all that it holds is the same."""
    days_later: int = 0
    """Days that pass first."""
    at_once: bool = False
    """Sent at the same time as the request before it."""
    needs: str = ""
    """Asked only when the sequence has a thing of this kind by now."""


def reference(text: str) -> Ref:
    """`case` or `case#2`: the first thing of a kind, or another."""
    kind, mark, _ = text.partition("#")
    return Ref(kind, Wish.SECOND if mark else Wish.MINE)


def references(text: str) -> list[Ref]:
    """In the proportions worth asking: mostly what the user has."""
    usual = reference(text)
    kind = usual.kind
    return [
        *[usual] * 6,
        Ref(kind, pick=1),
        Ref(kind, pick=2),
        *[Ref(kind, Wish.OTHERS)] * 2,
        *[Ref(kind, Wish.GONE)] * 2,
        Ref(kind, Wish.NEVER),
    ]


def plain(operation: FuzzOperation, number: int = 0, user: Json = None, query: int = 0) -> Draft:
    """The request as it is configured: the body and the query of these numbers, by a user who may."""
    bodies = operation.examples or operation.forms
    body = bodies[min(number, len(bodies) - 1)] if bodies else None
    content: dict[str, Any] = {"form": body} if operation.forms else {}
    if operation.examples:
        content = {"body": body}
    path = {
        name: reference(known) if isinstance(known, str) else str((known or ["1"])[0])
        for name, known in ((name, operation.path.get(name)) for name, _ in operation.parameters)
    }
    asked = operation.queries[min(query, len(operation.queries) - 1)]
    usual = operation.users[0] if operation.users else None
    return Draft(user or usual, path, tuple(asked.items()), **content)
