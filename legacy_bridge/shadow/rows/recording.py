"""What one request did, noted while a stack answers it: rows it touched, calls it made to others.

A recording is found by a context variable, which follows a request into the threads of a WSGI adapter
and into SQLAlchemy's greenlets. Without one, every hook returns at once.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Table

Key = tuple[Any, ...]


UNTOLD = "(key not told)"
"""First part of the key of an inserted row that is only known by its values."""


class Did(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(slots=True)
class Touch:
    """One statement's work on one row. Values are as `rows.raw_columns` reads them."""

    table: Table
    key: Key
    did: Did
    before: Mapping[str, Any] = field(default_factory=dict)
    """Of an update the columns it set, of a delete the whole row."""
    written: Mapping[str, Any] = field(default_factory=dict)
    """The values given, as the program has them; none for what an SQL expression made."""


@dataclass(slots=True)
class Call:
    """A call to another service and its answer."""

    method: str
    url: str
    body: bytes
    status: int | None
    """None when no answer came; `error` says why."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    error: str = ""


@dataclass(slots=True)
class Mail:
    sender: str
    receivers: list[str]
    content: bytes


@dataclass(slots=True)
class Recording:
    """Of one request on one stack. Written by one thread at a time."""

    touches: list[Touch] = field(default_factory=list)
    """What was committed, in order."""
    pending: list[Touch] = field(default_factory=list)
    """What the open transaction did."""
    unkeyed: list[tuple[Table, Mapping[str, Any]]] = field(default_factory=list)
    """Rows inserted, by the values given, whose keys the database has yet to tell."""
    problems: list[str] = field(default_factory=list)
    """Writes that could not be followed."""
    calls: list[Call] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    mail_failed: bool = False
    """The mail server was not there, or refused."""
    given_keys: dict[str, list[int]] | None = None
    """Keys to give to new rows, by table, instead of the database's own counter's."""
    noting_reads: bool = False
    reads: dict[tuple[str, Key], Mapping[str, Any]] = field(default_factory=dict)
    """Rows as the request first read them, by table and key."""
    tables_read: set[str] = field(default_factory=set)
    watching: bool = True
    looking: bool = False
    """While a hook itself asks the database."""

    @property
    def size(self) -> int:
        """Bytes it takes, about: what long texts and other services' answers do."""
        texts = (
            value
            for row in (
                *self.reads.values(),
                *(one.before for one in (*self.touches, *self.pending)),
                *(one.written for one in (*self.touches, *self.pending)),
            )
            for value in row.values()
        )
        rows = sum(len(text) for text in texts if isinstance(text, str | bytes))
        return rows + sum(len(call.content) + len(call.body) for call in self.calls)

    @property
    def wrote(self) -> bool:
        return bool(self.touches or self.problems)


_current: ContextVar[Recording | None] = ContextVar("legacy_bridge_recording", default=None)


def current() -> Recording | None:
    return _current.get()


def start(recording: Recording | None) -> None:
    """For the rest of this context, which is a request's own."""
    _current.set(recording)


@contextmanager
def recorded(recording: Recording | None) -> Iterator[None]:
    token = _current.set(recording)
    try:
        yield
    finally:
        _current.reset(token)
