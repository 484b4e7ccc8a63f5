"""What a request has read, so that a difference can be told from another client's write.

Needed where the first stack can't be asked again. Rows come into a session as objects; each is noted as
it was when it came, while a recording asks for that. JSON and binary columns are left out: they may be
large, and a row that says when it was written tells of a change in them too.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import JSON, LargeBinary, Table, event, literal, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapper

from legacy_bridge.shadow.rows.recording import Key, Recording, current
from legacy_bridge.shadow.rows.sqlalchemy_private import state_of

_MOST = 500
"""Rows of one request that are kept in mind."""
_TABLE = re.compile(r'\b(?:FROM|JOIN)\s+"?(\w+)')


def install() -> None:
    """Into every mapped class of this process. `rows.install` calls it, once."""
    event.listen(Mapper, "load", _loaded)


def _loaded(row: Any, _context: Any) -> None:
    recording = current()
    if recording is None or not recording.noting_reads or not recording.watching:
        return
    try:
        _note(recording, state_of(row))
    except Exception as error:
        # A client waits for this row: it must not fail for our sake.
        recording.problems.append(f"{type(error).__name__}: a row that was read")


def _note(recording: Recording, state: Any) -> None:
    table = state.mapper.local_table
    if len(recording.reads) >= _MOST or not isinstance(table, Table) or state.key is None:
        return
    held = state.dict
    noted = {name: held[key] for name, key in _columns(state.mapper) if key in held}
    # what was read first is what the request went by
    recording.reads.setdefault((table.name, tuple(state.key[1])), noted)


def note_statement(statement: str) -> None:
    recording = current()
    if recording is not None and recording.noting_reads and recording.watching:
        recording.tables_read.update(_tables_of(statement))


@lru_cache(1024)
def _tables_of(statement: str) -> frozenset[str]:
    """Names that may be of tables. Statements of one kind have one text, so few are looked through."""
    return frozenset(_TABLE.findall(statement))


@cache
def _columns(mapper: Mapper[Any]) -> tuple[tuple[str, str], ...]:
    """Names of columns and of the attributes that hold them."""
    return tuple(
        (column.name, mapper.get_property_by_column(column).key)
        for column in mapper.local_table.columns
        if not isinstance(column.type, JSON | LargeBinary) and column in mapper.columns.values()
    )


async def changed_since(
    connection: AsyncConnection, recording: Recording, tables: Mapping[str, Table]
) -> str | None:
    """The first row that is no longer as the request has read it, in words; None when all are.

    Rows that the request wrote itself are not looked at: they are checked when they are taken back.
    """
    own = {(touch.table.name, touch.key) for touch in recording.touches}
    for (name, key), noted in recording.reads.items():
        table = tables.get(name)
        if table is None or not noted or (name, key) in own:
            continue
        try:
            changed = await _changed(connection, table, key, noted)
        except SQLAlchemyError as error:
            return f"{name} {key}: {type(error).__name__}"
        if changed is not None:
            return f"{name} {key} {changed}"
    return None


async def written_since(
    connection: AsyncConnection,
    recording: Recording,
    tables: Mapping[str, Table],
    written_at: Collection[str],
    since: datetime,
) -> str | None:
    """A table that the request has read and somebody has written since; None when there is none.

    ``written_at``: the columns by which a row says when it was written, in UTC without a zone, like
    ``since``. Tables without any are not looked at, and rows that are gone tell nothing.
    """
    for name in sorted(recording.tables_read & set(tables)):
        columns = tables[name].columns
        later = [columns[column] >= since for column in written_at if column in columns]
        if later:
            later_row = await connection.scalar(select(literal(1)).where(or_(*later)).limit(1))
            if later_row is not None:
                return f"{name} was written"
    return None


async def _changed(
    connection: AsyncConnection, table: Table, key: Key, noted: Mapping[str, Any]
) -> str | None:
    wanted = select(*(table.columns[column] for column in noted)).where(
        *(column == value for column, value in zip(table.primary_key, key, strict=True))
    )
    stored = (await connection.execute(wanted)).mappings().first()
    if stored is None:
        return "is gone"
    return next((column for column, value in noted.items() if stored[column] != value), None)
