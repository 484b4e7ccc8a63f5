"""What one step changed in one database: rows inserted, updated, deleted.

Reads whole tables, but only after the database says that something was written: SQLite's
`data_version`, PostgreSQL's transaction snapshot and a digest per table of its rows' versions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from parity_tests.databases import sync_url
from parity_tests.model import Change, ParityError, RowChange

Rows = dict[tuple[Any, ...], tuple[Any, ...]]
Snapshot = dict[str, Rows]


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]
    key: tuple[int, ...]
    """Positions of the primary key's columns; none means that the whole row is the key."""
    json: frozenset[str]

    def select(self, cast_json: bool) -> str:
        columns = ", ".join(
            f'"{c}"::text' if cast_json and c in self.json else f'"{c}"' for c in self.columns
        )
        return f'SELECT {columns} FROM "{self.name}"'


class RowReader:
    """Holds one connection; `start` opens a step, `changes` reads it, again and again if need be."""

    def __init__(self, url: str, ignored: Sequence[str] = ()) -> None:
        parsed = sync_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        arguments: dict[str, Any] = {"check_same_thread": False} if self.is_sqlite else {}
        self._engine = sa.create_engine(
            parsed, isolation_level="AUTOCOMMIT", poolclass=StaticPool, connect_args=arguments
        )
        try:
            self._connection = self._engine.connect()
        except sa.exc.SQLAlchemyError as error:
            raise ParityError(f"the database {parsed} can not be read: {error}") from None
        self.tables = self._reflect(set(ignored))
        self._driver: Any = self._connection.connection.driver_connection
        self._marker: Any = None
        self._fetched: dict[str, list[tuple[Any, ...]]] = {}
        """The last rows of each table, as they came: most tables are read and found unchanged."""
        self._digests: dict[str, Any] = {}
        self._clean: dict[str, Any] = {}
        """The digests of the baseline: a table with another one was written to."""
        self._now: Snapshot = {table.name: {} for table in self.tables}
        self._before: Snapshot = {}
        self._read()
        self._baseline = dict(self._now)
        self._clean = dict(self._digests)
        self._sequences = self._read_sequences()

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def _query(self, statement: str) -> Sequence[Any]:
        return self._connection.exec_driver_sql(statement).fetchall()

    def _reflect(self, ignored: set[str]) -> list[Table]:
        inspector = sa.inspect(self._connection)
        tables = []
        for name in sorted(set(inspector.get_table_names()) - ignored):
            found = inspector.get_columns(name)
            columns = tuple(column["name"] for column in found)
            key = inspector.get_pk_constraint(name)["constrained_columns"]
            jsons = frozenset(c["name"] for c in found if isinstance(c["type"], sa.JSON))
            tables.append(Table(name, columns, tuple(columns.index(c) for c in key), jsons))
        return tables

    def _read_sequences(self) -> list[tuple[str, int, bool]]:
        if self.is_sqlite:
            return []
        names = self._query(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) FROM pg_sequences"
        )
        found = []
        for (name,) in names:
            value, called = self._query(f"SELECT last_value, is_called FROM {name}")[0]
            found.append((name, value, called))
        return found

    def _read(self) -> None:
        """Brings `_now` up to date; tables that did not change keep their mapping object."""
        if self.is_sqlite:
            marker = self._query("PRAGMA data_version")[0][0]
        else:
            marker = self._query("SELECT pg_current_snapshot()::text")[0][0]
        if marker == self._marker:
            return
        self._marker = marker
        for table in self._stale():
            found = self._fetch(table)
            if found == self._fetched.get(table.name):
                continue
            self._fetched[table.name] = found
            rows = _keyed(table, found)
            if rows != self._now[table.name]:
                self._now[table.name] = rows

    def _stale(self) -> Iterable[Table]:
        if self.is_sqlite or not self.tables:
            return self.tables
        digest = " UNION ALL ".join(
            f"SELECT {number}, count(*), sum(hashtextextended(ctid::text || ' ' || xmin::text, 0))"
            f' FROM "{table.name}"'
            for number, table in enumerate(self.tables)
        )
        stale = []
        for number, *rest in self._query(digest):
            table = self.tables[number]
            if self._digests.get(table.name) != rest:
                self._digests[table.name] = rest
                stale.append(table)
        return stale

    def _fetch(self, table: Table) -> list[tuple[Any, ...]]:
        statement = table.select(cast_json=not self.is_sqlite)
        if self.is_sqlite:
            # whole tables after every write: the driver's own tuples, without SQLAlchemy's rows
            return list(self._driver.execute(statement))
        return [tuple(row) for row in self._query(statement)]

    def start(self) -> None:
        self._read()
        self._before = dict(self._now)

    def changes(self) -> list[RowChange]:
        """Everything since `start`, in the order of tables and keys."""
        self._read()
        changes: list[RowChange] = []
        for table in self.tables:
            before, after = self._before[table.name], self._now[table.name]
            if before is not after:
                changes.extend(_changes(table, before, after))
        return changes

    def keys(self) -> list[tuple[str, str, list[Any]]]:
        """Table, column and values of every single-column key of the baseline."""
        return [
            (
                table.name,
                table.columns[table.key[0]],
                [key[0] for key in self._baseline[table.name]],
            )
            for table in self.tables
            if len(table.key) == 1
        ]

    def rebase(self) -> None:
        """What is there now is what `restore` returns to."""
        self._read()
        self._baseline = dict(self._now)
        self._clean = dict(self._digests)
        self._sequences = self._read_sequences()

    def restore(self) -> None:
        """Writes the baseline back, under the running stack."""
        self._read()
        work: list[tuple[str, list[tuple[Any, ...]]]] = []
        for table in self.tables:
            now, then = self._now[table.name], self._baseline[table.name]
            if self.is_sqlite:
                if now is not then:
                    work.extend(self._undo(table, now, then))
            elif self._digests.get(table.name) != self._clean.get(table.name):
                work.extend(self._rewrite(table, then))
        if work:
            self._write(work)
        for name, value, called in self._sequences:
            self._query(f"SELECT setval('{name}', {value}, {str(called).lower()})")
        self._marker = None
        self._digests.clear()
        self._read()
        self._clean = dict(self._digests)

    def _rewrite(self, table: Table, then: Rows) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """All rows anew: PostgreSQL lists them as they lie, and what is updated moves to the end."""
        names = ", ".join(f'"{c}"' for c in table.columns)
        marks = ", ".join("%s" for _ in table.columns)
        insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'
        return [(f'DELETE FROM "{table.name}"', [()]), (insert, list(then.values()))]

    def _undo(self, table: Table, now: Rows, then: Rows) -> list[tuple[str, list[tuple[Any, ...]]]]:
        mark = "?"
        gone = [row for key, row in then.items() if now.get(key) != row]
        extra = [key for key, row in now.items() if then.get(key) != row]
        if not table.key:
            gone, extra = list(then.values()), []
            delete = [(f'DELETE FROM "{table.name}"', [()])]
        else:
            where = " AND ".join(f'"{table.columns[n]}" = {mark}' for n in table.key)
            delete = [(f'DELETE FROM "{table.name}" WHERE {where}', extra)]
        names = ", ".join(f'"{c}"' for c in table.columns)
        marks = ", ".join(mark for _ in table.columns)
        insert = (f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', gone)
        return [*(w for w in delete if w[1]), *([insert] if gone else [])]

    def _write(self, work: list[tuple[str, list[tuple[Any, ...]]]]) -> None:
        if self.is_sqlite:
            first, *opening = (
                "PRAGMA foreign_keys=OFF",
                "PRAGMA busy_timeout=10000",
                "BEGIN IMMEDIATE",
            )
        else:
            first, *opening = ("BEGIN", "SET LOCAL session_replication_role = replica")
        cursor = self._connection.connection.cursor()
        try:
            for statement in (first, *opening):
                cursor.execute(statement)
            for statement, rows in work:
                for row in rows:
                    cursor.execute(statement, row)
            cursor.execute("COMMIT")
        except Exception as error:
            cursor.execute("ROLLBACK")
            raise ParityError(
                "the rows of the seed could not be written back between two journeys "
                f"(PostgreSQL wants a superuser for it): {error}"
            ) from error
        finally:
            cursor.close()


def _keyed(table: Table, found: Iterable[tuple[Any, ...]]) -> Rows:
    rows: Rows = {}
    for row in found:
        key = tuple(row[n] for n in table.key) if table.key else row
        while not table.key and key in rows:
            # the same row twice in a table without a key is two rows
            key = (*key, "again")
        rows[key] = row
    return rows


def _changes(table: Table, before: Rows, after: Rows) -> list[RowChange]:
    changes = []
    names = tuple(table.columns[n] for n in table.key)
    differing = [
        key for key in before.keys() | after.keys() if _differ(before.get(key), after.get(key))
    ]
    for key in sorted(differing, key=_order):
        old, new = before.get(key), after.get(key)
        change = (
            Change.INSERTED if old is None else Change.DELETED if new is None else Change.UPDATED
        )
        changes.append(
            RowChange(
                table=table.name,
                change=change,
                key=tuple(map(_plain, key)),
                before=_row(table, old),
                after=_row(table, new),
                key_columns=names,
            )
        )
    return changes


def _differ(old: tuple[Any, ...] | None, new: tuple[Any, ...] | None) -> bool:
    """By value and by type: `1` is not `1.0`."""
    if old is new:
        return False
    return old != new or list(map(type, old or ())) != list(map(type, new or ()))


def _order(key: tuple[Any, ...]) -> list[tuple[str, Any]]:
    return [(type(part).__name__, part if part is not None else 0) for part in key]


def _row(table: Table, row: tuple[Any, ...] | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        name: _decoded(value) if name in table.json else _plain(value)
        for name, value in zip(table.columns, row, strict=True)
    }


def _plain(value: Any) -> Any:
    """Numbers, text, booleans and None as they are; anything else as its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def _decoded(value: Any) -> Any:
    """A JSON column by value; SQL's NULL and JSON's null stay apart."""
    if not isinstance(value, str):
        return _plain(value)
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return "JSON null" if decoded is None else decoded
