"""Follows the rows that a request writes through SQLAlchemy, whoever's engine it is.

Before an UPDATE or DELETE the rows it is about are read by its own WHERE, so that bulk statements and
SQL expressions are followed as well as a session's own. What can't be followed is noted as a problem,
never passed over. Nothing happens while no recording is on.
"""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    Connection,
    Delete,
    Engine,
    Insert,
    Table,
    Text,
    Update,
    cast,
    event,
    select,
)
from sqlalchemy.sql.visitors import iterate

from legacy_bridge.shadow.rows import keys, reads
from legacy_bridge.shadow.rows.recording import UNTOLD, Did, Recording, Touch, current
from legacy_bridge.shadow.rows.sqlalchemy_private import columns_set, conditions_of

_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE|COPY|ALTER|DROP)\b", re.I)
_WROTE = "legacy_bridge_wrote"
_OWN_TABLES = "bridge_"

_installed = False
_last_write = 0.0


def last_write() -> float:
    """When this process last committed a change to a table that is not the bridge's own, in seconds
    since the epoch."""
    return _last_write


def install() -> None:
    """Hooks into every engine and session of this process, once."""
    global _installed
    if _installed:
        return
    _installed = True
    event.listen(Engine, "before_cursor_execute", _before_statement)
    event.listen(Engine, "commit", _on_commit)
    event.listen(Engine, "rollback", _on_rollback)
    # What commits inside of a sandbox is a savepoint.
    event.listen(Engine, "release_savepoint", lambda connection, *_: _keep_pending())
    event.listen(Engine, "rollback_savepoint", lambda connection, *_: _drop_pending())
    keys.install()
    reads.install()


def raw_columns(table: Table, names: Iterable[str] | None = None) -> list[Any]:
    """Columns as values that can be written back unchanged: JSON as its text."""
    chosen = table.columns if names is None else [table.columns[name] for name in names]
    return [
        (cast(column, Text) if isinstance(column.type, JSON) else column).label(column.name)
        for column in chosen
    ]


def key_names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key.columns)


def _before_statement(
    connection: Connection,
    _cursor: Any,
    statement: str,
    _parameters: Any,
    context: Any,
    _many: bool,
) -> None:
    if statement.startswith(("SELECT", "PRAGMA")):
        reads.note_statement(statement)
        return
    invoked = getattr(context, "invoked_statement", None)
    if not getattr(getattr(invoked, "table", None), "name", "").startswith(_OWN_TABLES):
        connection.info[_WROTE] = True
    recording = current()
    if recording is None or not recording.watching or recording.looking:
        return
    if not isinstance(invoked, Insert | Update | Delete):
        if _WRITES.match(statement):
            recording.problems.append(statement.strip()[:60])
        return
    table = invoked.table
    if not isinstance(table, Table) or not table.primary_key.columns:
        recording.problems.append(f"a table without a primary key: {statement.strip()[:60]}")
        return
    recording.looking = True
    try:
        for parameters in context.compiled_parameters:
            if isinstance(invoked, Insert):
                _inserting(recording, table, parameters, context)
            else:
                _changing(recording, connection, table, invoked, parameters, context)
    except Exception as error:
        # A client waits for this statement: it must not fail for our sake.
        recording.problems.append(f"{type(error).__name__}: {statement.strip()[:60]}")
    finally:
        recording.looking = False


def _inserting(
    recording: Recording, table: Table, parameters: Mapping[str, Any], context: Any
) -> None:
    if context.compiled.statement.select is not None:
        recording.problems.append(f"INSERT … SELECT into {table.name}")
        return
    written = _written(table, parameters)
    key = tuple(written.get(name) for name in key_names(table))
    if any(part is None for part in key):
        recording.unkeyed.append((table, written))
    else:
        recording.pending.append(Touch(table, key, Did.INSERT, written=written))


def _changing(
    recording: Recording,
    connection: Connection,
    table: Table,
    statement: Update | Delete,
    parameters: Mapping[str, Any],
    context: Any,
) -> None:
    names: list[str] | None = None
    written: dict[str, Any] = {}
    if isinstance(statement, Update):
        written = _written(table, parameters)
        expressions = {
            name
            for name in (getattr(column, "name", column) for column in columns_set(statement))
            if isinstance(name, str)
        }
        defaults = {column.name for column in context.compiled.update_prefetch}
        changed = {*written, *expressions, *defaults} & set(table.columns.keys())
        names = [*key_names(table), *sorted(changed - set(key_names(table)))]
        written = {name: value for name, value in written.items() if name in changed}
    looked = select(*raw_columns(table, names)).where(*conditions_of(statement))
    # A session's flush names its parameters; other values are in the statement itself.
    named = {
        part.key: parameters[part.key]
        for criterion in conditions_of(statement)
        for part in iterate(criterion)
        if isinstance(part, BindParameter) and not part.unique and part.key in parameters
    }
    for row in connection.execute(looked, named).mappings():
        before = dict(row)
        key = tuple(before[name] for name in key_names(table))
        did = Did.DELETE if isinstance(statement, Delete) else Did.UPDATE
        if did is Did.UPDATE and any(
            name in written and written[name] != before[name] for name in key_names(table)
        ):
            recording.problems.append(f"a changed key in {table.name}")
        recording.pending.append(Touch(table, key, did, before, written))


def _written(table: Table, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        column.name: parameters[column.key] for column in table.columns if column.key in parameters
    }


def _on_commit(connection: Connection) -> None:
    global _last_write
    if connection.info.pop(_WROTE, False):
        _last_write = time.time()
    _keep_pending()


def _keep_pending() -> None:
    recording = current()
    if recording is not None and recording.watching:
        recording.touches += recording.pending
        recording.pending = []
        # Inserted in bulk: nobody has asked for the keys.
        for table, written in recording.unkeyed:
            key = (UNTOLD, len(recording.touches))
            recording.touches.append(Touch(table, key, Did.INSERT, written=written))
        recording.unkeyed = []


def _on_rollback(connection: Connection) -> None:
    connection.info.pop(_WROTE, None)
    _drop_pending()


def _drop_pending() -> None:
    recording = current()
    if recording is not None and recording.watching:
        recording.pending, recording.unkeyed = [], []
