"""Takes back, inside a transaction that will be rolled back, what a recorded request has written.

Afterwards the other stack finds the rows as the first one found them, and can answer the same request.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from legacy_bridge.shadow.rows.follow import key_names, raw_columns
from legacy_bridge.shadow.rows.recording import UNTOLD, Did, Key, Recording, Touch

_QUARTER = 900.0
"""Zones lie whole quarters of an hour apart."""


class ChangedMeanwhileError(Exception):
    """A row is not as the recorded request left it: somebody else has written since."""


@dataclass(slots=True)
class RowTouch:
    """All that one request did to one row, taken together."""

    table: Table
    key: Key
    did: Did
    before: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowImage:
    """A row before and after; None where there was none. JSON columns as their text."""

    table: Table
    key: Key
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def together(touches: Iterable[Touch]) -> list[RowTouch]:
    """One entry for each row; rows that came and went within the request are left out."""
    merged: dict[tuple[str, Key], RowTouch] = {}
    for touch in touches:
        known = merged.get((touch.table.name, touch.key))
        if known is None:
            merged[touch.table.name, touch.key] = RowTouch(
                touch.table, touch.key, touch.did, dict(touch.before), dict(touch.written)
            )
        elif touch.did is Did.DELETE:
            if known.did is Did.INSERT:
                del merged[touch.table.name, touch.key]
                continue
            known.before = {**touch.before, **known.before}
            known.did, known.written = Did.DELETE, {}
        elif touch.did is Did.INSERT:
            # deleted before by the same request: what is left of it is an update
            known.did, known.written = Did.UPDATE, dict(touch.written)
        else:
            known.before = {**touch.before, **known.before}
            unknown = set(touch.before) - set(touch.written)
            known.written = {
                name: value
                for name, value in {**known.written, **touch.written}.items()
                if name not in unknown or name in key_names(touch.table)
            }
    return list(merged.values())


def all_touches(recording: Recording) -> list[RowTouch]:
    return together([*recording.touches, *recording.pending])


async def take_back(connection: AsyncConnection, rows: Sequence[RowTouch]) -> list[RowImage]:
    """Restores the rows; what each was and had become. Raises ChangedMeanwhileError."""
    images = []
    for row in rows:
        if row.key[:1] == (UNTOLD,):
            row.key = await _key_by_values(connection, row)
        now = await read(connection, row.table, row.key)
        _check(row, now)
        match row.did:
            case Did.INSERT:
                images.append(RowImage(row.table, row.key, None, now))
            case Did.DELETE:
                images.append(RowImage(row.table, row.key, dict(row.before), None))
            case Did.UPDATE:
                assert now is not None
                images.append(RowImage(row.table, row.key, {**now, **row.before}, now))
    order = {name: place for place, name in enumerate(_sorted_names(rows))}
    upwards = sorted(rows, key=lambda row: order[row.table.name])
    for row in reversed(upwards):
        if row.did is Did.INSERT:
            await connection.execute(delete(row.table).where(*_is(row.table, row.key)))
    for row in upwards:
        if row.did is Did.DELETE:
            await connection.execute(insert(row.table).values(_raw_values(connection, row)))
    for row in upwards:
        if row.did is Did.UPDATE:
            values = _raw_values(connection, row)
            if values:
                statement = update(row.table).where(*_is(row.table, row.key))
                await connection.execute(statement.values(values))
    return images


async def images_of(connection: AsyncConnection, rows: Sequence[RowTouch]) -> list[RowImage]:
    """What rows were and have become, inside the transaction that touched them."""
    images = []
    for row in rows:
        now = await read(connection, row.table, row.key)
        before = None if row.did is Did.INSERT else {**(now or {}), **row.before}
        images.append(RowImage(row.table, row.key, before, now))
    return images


async def read(connection: AsyncConnection, table: Table, key: Key) -> dict[str, Any] | None:
    result = await connection.execute(select(*raw_columns(table)).where(*_is(table, key)))
    row = result.mappings().first()
    return None if row is None else dict(row)


async def _key_by_values(connection: AsyncConnection, row: RowTouch) -> Key:
    """Of a row inserted in bulk: the one that has all the values given."""
    columns = row.table.columns
    plain = {
        name: value
        for name, value in row.written.items()
        if value is not None and not isinstance(columns[name].type, JSON | DateTime)
    }
    wanted = select(*row.table.primary_key).where(*(columns[n] == v for n, v in plain.items()))
    rows = (await connection.execute(wanted.limit(2))).all()
    if len(rows) != 1:
        raise ChangedMeanwhileError(f"{row.table.name}: a new row can't be told from others")
    return tuple(rows[0])


def _is(table: Table, key: Key) -> list[Any]:
    return [column == value for column, value in zip(table.primary_key, key, strict=True)]


def _sorted_names(rows: Sequence[RowTouch]) -> list[str]:
    """Tables after those they refer to. Rows of one request are of one set of tables."""
    return [table.name for table in rows[0].table.metadata.sorted_tables] if rows else []


def _raw_values(connection: AsyncConnection, row: RowTouch) -> dict[str, Any]:
    skipped = set() if row.did is Did.DELETE else set(key_names(row.table))
    return {
        name: _raw(connection, row.table.columns[name], value)
        for name, value in row.before.items()
        if name not in skipped
    }


def _raw(connection: AsyncConnection, column: Column[Any], value: Any) -> Any:
    if not isinstance(column.type, JSON):
        return value
    text = bindparam(None, value, type_=Text)
    return text if connection.dialect.name == "sqlite" else cast(text, column.type)


def _check(row: RowTouch, now: Mapping[str, Any] | None) -> None:
    gone = row.did is Did.DELETE
    if gone != (now is None):
        what = "is there again" if gone else "is gone"
        raise ChangedMeanwhileError(f"{row.table.name} {row.key} {what}")
    for name, value in row.written.items() if now is not None else ():
        assert now is not None
        column = row.table.columns[name]
        if not _alike(value, now[name], isinstance(column.type, JSON)):
            raise ChangedMeanwhileError(f"{row.table.name} {row.key}: {name}")


def _alike(written: Any, stored: Any, is_json: bool) -> bool:
    """Whether a value that a program wrote is what the database now holds."""
    if is_json:
        if stored is None:
            return written is None
        return bool(json.loads(stored) == json.loads(json.dumps(written)))
    if isinstance(written, datetime) and isinstance(stored, datetime):
        if written.tzinfo is None:
            return written == stored
        seconds = (written.replace(tzinfo=None) - stored).total_seconds()
        return seconds % _QUARTER == 0
    return bool(written == stored) or str(written) == str(stored)
