"""Keys of new rows: given where a recording says so, noted where the database gave them."""

from typing import Any

from sqlalchemy import Integer, Table, event
from sqlalchemy.orm import Session

from legacy_bridge.shadow.rows.recording import Did, Key, Recording, Touch, current
from legacy_bridge.shadow.rows.sqlalchemy_private import insertion_number

_FIRST_MADE_UP = 1_900_000_000
"""Keys for rows whose partner has none; below the largest 32-bit integer."""


def install() -> None:
    """Into every session of this process. `rows.install` calls it, once."""
    event.listen(Session, "before_flush", _before_flush)
    event.listen(Session, "after_flush", _after_flush)


def _before_flush(session: Session, _context: Any, _instances: Any) -> None:
    """Gives new rows their keys, where a recording says so: a counter that moved stays moved."""
    recording = current()
    if recording is None or recording.given_keys is None:
        return
    for row in sorted(session.new, key=insertion_number):
        table = row.__mapper__.local_table
        column = table.autoincrement_column if isinstance(table, Table) else None
        if column is None or not isinstance(column.type, Integer):
            continue
        name = row.__mapper__.get_property_by_column(column).key
        if getattr(row, name) is None:
            setattr(row, name, next_key(recording.given_keys, table.name))


def next_key(recorded_keys: dict[str, list[int]], table: str) -> int:
    left = recorded_keys.setdefault(table, [])
    if left and left[0] < _FIRST_MADE_UP:
        return left.pop(0)
    left[:] = [left[0] + 1 if left else _FIRST_MADE_UP]
    return left[0]


def _after_flush(session: Session, _context: Any) -> None:
    recording = current()
    if recording is None or not recording.watching or not recording.unkeyed:
        return
    try:
        _note_keys(session, recording)
    except Exception as error:
        recording.problems.append(f"{type(error).__name__}: the keys of new rows")


def _note_keys(session: Session, recording: Recording) -> None:
    for row in sorted(session.new, key=insertion_number):
        mapper = row.__mapper__
        table = mapper.local_table
        place = next((n for n, one in enumerate(recording.unkeyed) if one[0] is table), None)
        if place is None:
            continue
        del recording.unkeyed[place]
        state = row.__dict__
        written = {
            column.name: state[mapper.get_property_by_column(column).key]
            for column in table.columns
            if mapper.get_property_by_column(column).key in state
        }
        key: Key = tuple(mapper.primary_key_from_instance(row))
        recording.pending.append(Touch(table, key, Did.INSERT, written=written))
