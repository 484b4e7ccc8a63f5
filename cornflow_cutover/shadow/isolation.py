"""One request answered by the port without a trace, and what it would have done."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp

from cornflow_cutover.shadow.outbound import Replayed, effects
from cornflow_f.errors import InvalidData
from cornflow_f.shadowing import current, isolated, joined_sessions
from legacy_bridge.shadow.call import call
from legacy_bridge.shadow.compare.side import PairSide
from legacy_bridge.shadow.contract import ClientExchange
from legacy_bridge.shadow.rows.recording import Mail, Recording, recorded
from legacy_bridge.shadow.rows.sandbox import GaveWayError, Room, Sandbox
from legacy_bridge.shadow.rows.undo import (
    ChangedMeanwhileError,
    RowImage,
    RowTouch,
    all_touches,
    images_of,
    take_back,
)


@dataclass(slots=True)
class WriteRefusedError(Exception):
    """The request writes, where only reading was allowed. Nothing is lost: ask again."""


@dataclass
class PortIsolation:
    """What the port gets instead of the world (`cornflow_f.shadowing.Isolation`)."""

    sessions: Callable[[], AsyncSession]
    http_client: httpx.AsyncClient
    mail_fails: bool
    mails: list[Mail] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)

    def mail(self, sender: str, receiver: str, mail: str) -> None:
        if self.mail_fails:
            raise InvalidData(
                "There is an error with the email provider. Please contact administration"
            )
        self.mails.append(Mail(sender, [receiver], mail.encode()))

    def refused(self, what: str) -> None:
        self.wanted.append(what)


@dataclass(slots=True)
class IsolatedCall:
    """Both sides of a pair, as far as they can be known."""

    legacy: Sequence[RowImage]
    """What the legacy did to its rows."""
    ported: PairSide
    unknown: list[str]
    """Questions to other services that have no answer here."""
    outside: list[str]
    problems: list[str]


def mark_logs() -> None:
    """What is logged while a request is isolated says so, and is no alarm: no client has seen it."""
    make = logging.getLogRecordFactory()
    if getattr(make, "marks_shadows", False):
        return

    def marked(*args: Any, **options: Any) -> logging.LogRecord:
        record = make(*args, **options)
        if current() is not None:
            record.msg = f"(shadow) {record.msg}"
            record.levelno = min(record.levelno, logging.INFO)
            record.levelname = logging.getLevelName(record.levelno)
        return record

    marked.marks_shadows = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(marked)


async def answer_isolated(
    app: ASGIApp,
    exchange: ClientExchange,
    recording: Recording,
    rows: Sequence[RowTouch],
    sandbox: Sandbox,
    services: Mapping[str, str],
    *,
    state: Mapping[str, Any],
    most: int,
    reading: bool,
) -> IsolatedCall:
    """The port's answer, on rows as the legacy found them. All is rolled back.

    Raises ChangedMeanwhileError, GaveWayError, WriteRefusedError, sandbox.CopyTooLargeError.
    """
    async with sandbox.open(reading=reading) as room:
        legacy = await _take_back(room, rows)
        transport = Replayed(recording.calls)
        made = Recording(given_keys=_keys(legacy))
        started = time.time()
        async with httpx.AsyncClient(transport=transport) as client:
            isolation = PortIsolation(
                joined_sessions(room.engine, room.connection), client, recording.mail_failed
            )
            with recorded(made), isolated(isolation):
                answer = await call(app, exchange, state=state, most=most)
        if not room.may_write and (made.pending or made.touches or made.unkeyed):
            raise WriteRefusedError
        if room.gave_way:
            raise GaveWayError
        try:
            images = await images_of(room.connection, all_touches(made))
        except DBAPIError as error:
            raise GaveWayError(str(error.orig)) from error
        problems = [
            *made.problems,
            *(f"an unknown key of {table.name}" for table, _ in made.unkeyed),
        ]
        side = PairSide(
            answer, started, images, isolation.mails, effects(transport.calls, services)
        )
        return IsolatedCall(legacy, side, transport.unknown, isolation.wanted, problems)


async def _take_back(room: Room, rows: Sequence[RowTouch]) -> list[RowImage]:
    try:
        return await take_back(room.connection, rows)
    except IntegrityError as error:
        # Rows made since refer to those that are to go.
        raise ChangedMeanwhileError(str(error.orig)) from error
    except DBAPIError as error:
        raise GaveWayError(str(error.orig)) from error


def _keys(images: Sequence[RowImage]) -> dict[str, list[int]]:
    """The keys that the legacy's new rows have got, for the port's: counters must not move for nothing."""
    keys_of: dict[str, list[int]] = {}
    for image in images:
        if image.before is None and len(image.key) == 1 and isinstance(image.key[0], int):
            keys_of.setdefault(image.table.name, []).append(image.key[0])
    return {table: sorted(keys) for table, keys in keys_of.items()}
