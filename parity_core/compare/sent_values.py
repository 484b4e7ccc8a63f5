"""What the client itself has sent: a stack that shows it did not generate it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

from parity_core.model import Request

_MOST = 100_000
"""Values that are remembered: of a replay of millions of requests the last ones."""
_LONGEST = 200
_BODY = 2_000_000


class SentValues:
    """Numbers and texts that were sent alike to both stacks; what differs is each stack's own, sent back."""

    def __init__(self) -> None:
        self._values: set[tuple[type, Any]] = set()
        self._moments: set[float] = set()

    def remember(self, legacy: Request, ported: Request) -> None:
        both = set(_scalars(legacy)) & set(_scalars(ported))
        if len(self._values) > _MOST:
            self._values.clear()
            self._moments.clear()
        self._values |= both
        self._moments |= {
            moment
            for _, one in both
            if isinstance(one, str) and (moment := seconds(one)) is not None
        }

    def holds(self, value: Any) -> bool:
        """By type too, or, of a moment written in another way, the moment."""
        if not isinstance(value, str | int | float):
            return False
        if (type(value), value) in self._values:
            return True
        return isinstance(value, str) and seconds(value) in self._moments

    def same_moment(self, legacy: Any, ported: Any) -> bool:
        if not isinstance(legacy, str) or not isinstance(ported, str):
            return False
        moment = seconds(legacy)
        return moment is not None and moment == seconds(ported) and len(legacy) == len(ported)


def _scalars(request: Request) -> Iterator[tuple[type, Any]]:
    """Of the query, of a form, and of every level of a JSON body; no booleans, which are everywhere."""
    query = request.target.partition("?")[2]
    values: list[Any] = [value for _, value in parse_qsl(query, errors="replace")]
    body = request.body or b""
    if body and len(body) <= _BODY:
        try:
            values.append(json.loads(body))
        except (ValueError, RecursionError):
            values += [value for _, value in parse_qsl(body.decode("utf-8", "replace"))]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            values += value.values()
        elif isinstance(value, list):
            values += value
        elif isinstance(value, str):
            if value and len(value) <= _LONGEST:
                yield str, value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield type(value), value


def seconds(value: Any) -> float | None:
    """A moment as seconds since the epoch; text without a zone is UTC."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
