"""What was seen of one operation's shape: statuses, parameters, fields and their types. Pure.

Compact: names and types, no values; its size depends on the API, not on how much was sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl

from parity_core.compare.places import escape
from parity_core.model import Pair, Request
from parity_tests.report.keys import kind

_DEPTH = 3
_ITEMS = 5
"""Of a list: more of them have the same fields."""
_FIELDS = 400
_NAME = 200
"""Characters of a name that are kept; nobody declares a longer one."""
_LONGEST = 500_000
"""Bytes of a body that is looked into."""

Fields = dict[str, set[str]]
"""Types by place, `*/owner/id`, of the JSON value; the value itself is at ``""``."""


@dataclass
class Observation:
    statuses: set[str] = field(default_factory=set)
    """Of both stacks, but for failures (5xx) of the legacy alone."""
    query: set[str] = field(default_factory=set)
    """Names of parameters in requests that were not refused."""
    body: Fields = field(default_factory=dict)
    """Of requests that were not refused."""
    replies: dict[str, Fields] = field(default_factory=dict)
    """By status, of the port."""

    def see(self, pair: Pair) -> None:
        legacy, ported = pair.legacy.reply, pair.ported.reply
        status = str(ported.status or "none")
        self.statuses.add(status)
        if legacy.status and legacy.status < 500:
            self.statuses.add(str(legacy.status))
        request = pair.legacy.request
        if ported.status and ported.status < 400:
            query = request.target.partition("?")[2]
            self.query |= {name[:_NAME] for name, _ in parse_qsl(query, keep_blank_values=True)}
            learn(self.body, sent(request))
        if ported.body and len(ported.body) <= _LONGEST:
            learn(self.replies.setdefault(status, {}), _json(ported.body))

    def document(self) -> dict[str, Any]:
        return {
            "statuses": sorted(self.statuses),
            "query": sorted(self.query),
            "body": _sorted(self.body),
            "replies": {status: _sorted(places) for status, places in sorted(self.replies.items())},
        }


class _Nothing:
    """No JSON."""


_NOTHING = _Nothing()


def learn(known: Fields, value: Any) -> None:
    if value is _NOTHING:
        return
    for place, value_kind in _walk(value, "", 0):
        if place in known or len(known) < _FIELDS:
            known.setdefault(place, set()).add(value_kind)


def _walk(value: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
    yield place, kind(value)
    if depth == _DEPTH:
        return
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        items = [(escape(key[:_NAME]), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [("*", item) for item in value[:_ITEMS]]
    for name, item in items:
        yield from _walk(item, f"{place}/{name}" if place else name, depth + 1)


def sent(request: Request) -> Any:
    """The body's JSON; of a form its fields."""
    if not request.body or len(request.body) > _LONGEST:
        return _NOTHING
    content_type = next((v for k, v in request.headers if k.lower() == "content-type"), "")
    if content_type.startswith("multipart/form-data"):
        head = f"Content-Type: {content_type}\r\n\r\n".encode("utf-8", "replace")
        parts = message_from_bytes(head + request.body).get_payload()
        names = [
            p.get_param("name", header="content-disposition")
            for p in parts
            if not isinstance(p, str)
        ]
        return {str(name): "" for name in names if name}
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    return _json(request.body)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NOTHING


def _sorted(fields: Fields) -> dict[str, list[str]]:
    return {place: sorted(types) for place, types in sorted(fields.items())}
