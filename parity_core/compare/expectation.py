"""What a waiver expects of a value, a reply, a request, a row: read from TOML, asked of what came. Pure.

A value is written as it is. TOML has no null, and some texts hold ids; so a table with one of these keys
is an expectation of another kind: `matches` (a regular expression of the whole text), `json` (the value
that this JSON text writes), `one_of` (a list of expectations), `missing = true` (there is no value). All
other tables are values whose parts are expected one by one, and which have no other parts.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from parity_core.model import MISSING, Change, Exchange, Reply, Request, RowChange, same

_BODIES = {"body", "body_matches", "body_echoes"}
_PROBES = ("", "x", "-1.5", "Any text, \u2603, of whichever 'kind'", '{"error": ["q"]}')
"""Texts that have nothing in common: what accepts them all accepts anything."""


def expected(table: Any) -> Expected:
    """Raises ValueError for an expectation that is none, or that expects anything."""
    if isinstance(table, dict) and len(table) == 1:
        (name, value), *_ = table.items()
        if name == "matches":
            return Expected(MISSING, pattern=pattern(value))
        if name == "json":
            if not isinstance(value, str):
                raise ValueError("`json` is the JSON text of a value")
            return Expected(json.loads(value))
        if name == "one_of":
            if not isinstance(value, list) or not value:
                raise ValueError("`one_of` is a list of what is accepted")
            return Expected(MISSING, choices=tuple(expected(one) for one in value))
        if name == "missing":
            if value is not True:
                raise ValueError("`missing` is true, or not written")
            return Expected(MISSING)
    if isinstance(table, dict):
        return Expected(MISSING, parts={key: expected(part) for key, part in table.items()})
    return Expected(table)


def pattern(text: Any) -> re.Pattern[str]:
    if not isinstance(text, str):
        raise ValueError("`matches` is a regular expression, so a text")
    try:
        compiled = re.compile(text)
    except re.error as error:
        raise ValueError(f"`{text}` is no regular expression: {error}") from None
    if all(compiled.fullmatch(probe) for probe in _PROBES):
        raise ValueError(f"`{text}` accepts anything: say the words that are accepted")
    return compiled


@dataclass(frozen=True)
class Expected:
    value: Any
    """Exact, by type too; MISSING for no value."""
    pattern: re.Pattern[str] | None = None
    parts: Mapping[str, Expected] | None = None
    choices: tuple[Expected, ...] = ()

    def accepts(self, actual: Any) -> bool:
        if self.pattern is not None:
            return isinstance(actual, str) and self.pattern.fullmatch(actual) is not None
        if self.choices:
            return any(one.accepts(actual) for one in self.choices)
        if self.parts is not None:
            return (
                isinstance(actual, Mapping)
                and actual.keys() == self.parts.keys()
                and all(part.accepts(actual[key]) for key, part in self.parts.items())
            )
        return alike(self.value, actual)


def alike(a: Any, b: Any) -> bool:
    """Equal by value and by type, all the way down: `1` is not `1.0` and not `true`."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    return same(a, b)


@dataclass(frozen=True)
class ExpectedReply:
    """A whole reply: its status, its body, and those of its headers that differ."""

    status: int
    body: Expected
    is_text: bool
    """Whether the body is expected as text, and not as the JSON value it writes."""
    headers: Mapping[str, Expected] = field(default_factory=dict)
    echoes: Mapping[str, Expected] | None = None
    """Of a body that repeats the request's JSON object: what it has beside that, unless that says it."""

    @classmethod
    def parse(cls, table: Any, side: str) -> Self:
        if not isinstance(table, dict):
            raise ValueError(
                f"`{side}` is the reply that is expected: {{ status = 400, body = … }}; "
                "a waiver of one value needs `place`"
            )
        if unknown := table.keys() - {"status", *_BODIES, "headers"}:
            raise ValueError(f"`{side}` has unknown keys: {', '.join(sorted(unknown))}")
        status = table.get("status")
        if type(status) is not int:
            raise ValueError(f"`{side}` says no `status`")
        if len(table.keys() & _BODIES) != 1:
            raise ValueError(
                f"`{side}` says one of `body`, the exact one, `body_matches`, a regular expression of the "
                "whole body, and `body_echoes`, what it has beside what was sent"
            )
        if "body_matches" in table:
            body, is_text = Expected(MISSING, pattern=pattern(table["body_matches"])), True
        else:
            stated = table.get("body", MISSING)
            body, is_text = expected(stated), isinstance(stated, str)
        headers = {name.lower(): expected(v) for name, v in table.get("headers", {}).items()}
        beside = table.get("body_echoes")
        echoes = None if beside is None else {k: expected(v) for k, v in beside.items()}
        return cls(status, body, is_text, headers, echoes)

    def accepts(self, exchange: Exchange) -> bool:
        reply = exchange.reply
        if reply.status != self.status:
            return False
        if self.echoes is not None:
            return _repeats(exchange, self.echoes)
        if self.body.pattern is not None:
            return self.body.accepts(body_text(reply.body))
        return self.body.accepts(_text(reply.body) if self.is_text else _value(reply.body))

    def accepts_header(self, reply: Reply, name: str) -> bool:
        value = reply.header(name)
        wanted = self.headers.get(name)
        return wanted is not None and wanted.accepts(MISSING if value is None else value)


@dataclass(frozen=True)
class ExpectedRow:
    """A row that one step inserted, updated or deleted, by the columns that are said; None for no row.

    What is not said must be as in the other stack's row; where there is none, null.
    """

    change: Change | None
    columns: Mapping[str, Expected] = field(default_factory=dict)

    @classmethod
    def parse(cls, table: Any, side: str) -> Self:
        if table == {"missing": True}:
            return cls(None)
        names = [change.value for change in Change]
        if not isinstance(table, dict) or len(table) != 1 or not table.keys() <= set(names):
            raise ValueError(
                f"`{side}` is the row that is expected: {{ inserted = {{ column = value, … }} }} "
                f"({', '.join(names)}), or {{ missing = true }}"
            )
        (name, columns), *_ = table.items()
        return cls(Change(name), {column: expected(value) for column, value in columns.items()})

    def accepts(self, row: RowChange | None, differing: frozenset[str], is_alone: bool) -> bool:
        """`differing`: the columns in which it is not the other stack's row, which `is_alone` has not."""
        if row is None or self.change is None:
            return row is None and self.change is None
        values = row.before if row.change is Change.DELETED else row.columns
        if row.change is not self.change or not differing <= self.columns.keys():
            return False
        unsaid = {name: value for name, value in values.items() if name not in self.columns}
        if is_alone and any(value is not None for value in unsaid.values()):
            return False
        return all(
            wanted.accepts(values.get(name, MISSING)) for name, wanted in self.columns.items()
        )


@dataclass(frozen=True)
class RequestPattern:
    """Which requests are meant. Everything that is said must hold; nothing said means all."""

    path: re.Pattern[str] | None = None
    """Of the whole path as it was sent."""
    query: re.Pattern[str] | None = None
    """Somewhere in the query as it was sent."""
    body: re.Pattern[str] | None = None
    """Somewhere in the body, inflated; JSON is written with one blank after `,` and `:`."""
    headers: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """Somewhere in the header's value; a header that was not sent is empty."""

    @classmethod
    def parse(cls, table: Any) -> Self:
        if not isinstance(table, dict):
            raise ValueError(
                "`request` is a table: { path = …, query = …, body = …, headers = { … } }"
            )
        if unknown := table.keys() - {"path", "query", "body", "headers"}:
            raise ValueError(f"`request` has unknown keys: {', '.join(sorted(unknown))}")
        values = {
            name: re.compile(table[name], re.DOTALL)
            for name in ("path", "query", "body")
            if name in table
        }
        headers = {k.lower(): re.compile(v) for k, v in table.get("headers", {}).items()}
        return cls(**values, headers=headers)

    def accepts(self, request: Request) -> bool:
        query = request.target.partition("?")[2]
        sent = {name.lower(): value for name, value in request.headers}
        return (
            (self.path is None or self.path.fullmatch(request.path) is not None)
            and (self.query is None or self.query.search(query) is not None)
            and (self.body is None or self.body.search(request_text(request)) is not None)
            and all(p.search(sent.get(name, "")) for name, p in self.headers.items())
        )


def _repeats(exchange: Exchange, beside: Mapping[str, Expected]) -> bool:
    sent, shown = _value(exchange.request.body or b""), _value(exchange.reply.body)
    if not isinstance(sent, dict) or not isinstance(shown, dict):
        return False
    own = shown.keys() - sent.keys()
    return (
        shown.keys() == sent.keys() | beside.keys()
        and all(alike(value, shown[key]) for key, value in sent.items())
        and all(beside[key].accepts(shown[key]) for key in own)
    )


def request_text(request: Request) -> str:
    body = request.body or b""
    encoding = next((v for k, v in request.headers if k.lower() == "content-encoding"), "")
    if encoding == "gzip":
        # what can't be inflated is shown as it was sent
        with suppress(OSError, EOFError, zlib.error):
            body = gzip.decompress(body)
    return body_text(body)


def body_text(body: bytes) -> str:
    """JSON in one way of writing it, anything else as it came."""
    value = _value(body)
    return _text(body) if value is MISSING else json.dumps(value, ensure_ascii=False)


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return MISSING


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
