"""A name for a difference that stays the same from run to run: no id, no position, no order in it. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from parity_core.model import MISSING, Exchange, Finding

_NUMBER = re.compile(r"-?\d+")
_ROW = re.compile(r"rows/[^/]*/")


def shape(place: str) -> str:
    """The place with `*` for positions in lists and for keys of rows: `rows/users/*/email`."""
    segments = place.split("/")
    first = 2 if _ROW.match(place) else 1
    return "/".join(
        "*"
        if (first == 2 and number == 2) or (number >= first and _NUMBER.fullmatch(segment))
        else segment
        for number, segment in enumerate(segments)
    )


def kind(value: Any) -> str:
    """The JSON type of a value, or `missing`."""
    if value is MISSING:
        return "missing"
    for types, name in (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (dict, "object"),
        ((list, tuple), "list"),
        (bytes, "bytes"),
    ):
        if isinstance(value, types):
            return name
    return "null" if value is None else type(value).__name__


def outcome(exchange: Exchange) -> str:
    """The status as text; every way of not answering is the same one."""
    return str(exchange.reply.status or "none")


def key(finding: Finding) -> str:
    """Eight hexadecimal digits; equal for the same disagreement of the same operation.

    That is: the operation, both statuses, the place without positions and ids, and the types of both
    values. Which values they were, who asked and in which journey plays no part.
    """
    pair, difference = finding.pair, finding.difference
    parts = [
        pair.operation.label,
        outcome(pair.legacy),
        outcome(pair.ported),
        shape(difference.place),
    ]
    if difference.place != "status":
        parts += [kind(difference.legacy), kind(difference.ported)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:8]


def group(label: str) -> str:
    """What an operation belongs to: the first segment of its rule, `case` of `GET /case/<int:idx>/`."""
    rule = label.partition(" ")[2]
    return rule.strip("/").partition("/")[0] or "/"
