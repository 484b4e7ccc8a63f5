"""What one step changed in one database: rows inserted, updated, deleted.

Reads whole tables, but only after the database says that something was written, and, where it can tell,
where: SQLite's `data_version`, PostgreSQL's transaction snapshot and the versions of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from parity_core.compare.values import decoded, plain
from parity_core.model import Change, ParityError, RowChange
from parity_tests.stage.databases import sync_url
from parity_tests.stage.rows.access import DatabaseTable, Row, RowAccess, Rows
from parity_tests.stage.rows.postgresql import PostgresqlAccess
from parity_tests.stage.rows.sqlite import SqliteAccess

Snapshot = dict[str, Rows]


class RowReader:
    """Holds one connection; `start` opens a step, `changes` reads it, again and again if need be."""

    def __init__(self, url: str, ignored: Sequence[str] = ()) -> None:
        parsed = sync_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        arguments: dict[str, Any] = {"check_same_thread": False} if is_sqlite else {}
        self._engine = sa.create_engine(
            parsed, isolation_level="AUTOCOMMIT", poolclass=StaticPool, connect_args=arguments
        )
        try:
            self._connection = self._engine.connect()
        except sa.exc.SQLAlchemyError as error:
            raise ParityError(f"the database {parsed} can not be read: {error}") from None
        self.tables = self._reflect(set(ignored))
        # the driver itself: this is asked several times for every request
        driver = self._connection.connection.driver_connection
        kind = SqliteAccess if is_sqlite else PostgresqlAccess
        self._access: RowAccess = kind(driver, self.tables)
        self._fetched: dict[str, list[Row]] = {}
        """The last rows of each table, as they came: most tables are read and found unchanged."""
        self._now: Snapshot = {table.name: {} for table in self.tables}
        self._baseline: Snapshot = {}
        self._before: Snapshot = {}
        self.rebase()

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def _reflect(self, ignored: set[str]) -> list[DatabaseTable]:
        inspector = sa.inspect(self._connection)
        tables = []
        for name in sorted(set(inspector.get_table_names()) - ignored):
            described = inspector.get_columns(name)
            columns = tuple(column["name"] for column in described)
            key = inspector.get_pk_constraint(name)["constrained_columns"]
            jsons = frozenset(c["name"] for c in described if isinstance(c["type"], sa.JSON))
            times = tuple(c["name"] for c in described if isinstance(c["type"], sa.DateTime))
            tables.append(
                DatabaseTable(name, columns, tuple(columns.index(c) for c in key), jsons, times)
            )
        return tables

    def _read(self) -> None:
        """Brings `_now` up to date; tables that did not change keep their mapping object."""
        if not self._access.written():
            return
        for table in self._access.stale():
            name = table.name
            fetched = self._access.fetch(table)
            if fetched == self._fetched.get(name):
                continue
            self._fetched[name] = fetched
            rows = _keyed(table, fetched)
            if rows == self._baseline.get(name):
                self._now[name] = self._baseline[name]
            elif rows != self._now[name]:
                self._now[name] = rows

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

    def since_baseline(self) -> list[RowChange]:
        """All that `restore` would undo, in the order of tables and keys."""
        self._read()
        changes: list[RowChange] = []
        for table in self.tables:
            before, after = self._baseline[table.name], self._now[table.name]
            if before is not after:
                changes.extend(_changes(table, before, after))
        return changes

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, as it is now."""
        self._read()
        return {
            table.name: [_row(table, row) for row in self._now[table.name].values()]
            for table in self.tables
        }

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
        self._access.rebase()

    @contextmanager
    def bookmarked(self) -> Iterator[None]:
        """Until its end `restore` returns to what is there now, and to the old baseline again afterwards."""
        kept = self._baseline, self._access.baseline()
        self.rebase()
        try:
            yield
        finally:
            self._baseline = kept[0]
            self._access.go_back(kept[1])

    def age(self, days: int) -> None:
        """Makes every time in every row older, under the running stack."""
        self._read()
        try:
            self._access.age(days)
        except Exception as error:
            raise ParityError(f"the rows could not be made {days} days older: {error}") from error
        self._read()

    def restore(self) -> None:
        """Writes the baseline back, under the running stack."""
        self._read()
        work = [
            (table, self._now[table.name], self._baseline[table.name])
            for table in self.tables
            if self._now[table.name] is not self._baseline[table.name]
            or self._access.touched(table)
        ]
        try:
            self._access.restore(work)
        except Exception as error:
            raise ParityError(
                "the rows of the seed could not be written back between two journeys "
                f"(PostgreSQL wants a superuser for it): {error}"
            ) from error
        self._read()
        self._access.restored()


def _keyed(table: DatabaseTable, fetched: Iterable[tuple[Any, ...]]) -> Rows:
    rows: Rows = {}
    for row in fetched:
        key = tuple(row[n] for n in table.key) if table.key else row
        while not table.key and key in rows:
            # the same row twice in a table without a key is two rows
            key = (*key, "again")
        rows[key] = row
    return rows


def _changes(table: DatabaseTable, before: Rows, after: Rows) -> list[RowChange]:
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
                key=tuple(map(plain, key)),
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


def _row(table: DatabaseTable, row: tuple[Any, ...] | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        name: decoded(value) if name in table.json else plain(value)
        for name, value in zip(table.columns, row, strict=True)
    }
