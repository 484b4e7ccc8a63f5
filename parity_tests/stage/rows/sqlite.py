"""Rows of an SQLite file: `data_version` tells of writes, and reading everything is cheap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from parity_tests.stage.rows.access import DatabaseTable, Row, RowAccess, Rows, outcome


class SqliteAccess(RowAccess):
    _version: Any = None

    def written(self) -> bool:
        version = self.driver.execute("PRAGMA data_version").fetchone()[0]
        known, self._version = self._version, version
        return bool(known != version)

    def stale(self) -> Iterable[DatabaseTable]:
        return self.tables

    def fetch(self, table: DatabaseTable) -> list[Row]:
        return list(self.driver.execute(f'SELECT {table.names} FROM "{table.name}"'))

    def rebase(self) -> None:
        """Rows are all there is."""

    def baseline(self) -> None:
        """Rows are all there is."""

    def go_back(self, baseline: None) -> None:
        """Rows are all there is."""

    def restored(self) -> None:
        """Nothing is remembered but the rows."""

    def age(self, days: int) -> None:
        # the day is changed and the rest stays as it was written, to the last digit
        for table in self.tables:
            for name in table.times:
                self.driver.execute(
                    f'UPDATE "{table.name}" SET "{name}" = date(substr("{name}", 1, 10), ?)'
                    f' || substr("{name}", 11) WHERE "{name}" IS NOT NULL',
                    (f"-{days} days",),
                )
        self._version = None

    def restore(self, touched: Sequence[tuple[DatabaseTable, Rows, Rows]]) -> None:
        if not touched:
            return
        work = [one for table, now, then in touched for one in _undo(table, now, then)]
        cursor = self.driver.cursor()
        try:
            for statement in ("PRAGMA foreign_keys=OFF", "PRAGMA busy_timeout=10000"):
                cursor.execute(statement)
            cursor.execute("BEGIN IMMEDIATE")
            for statement, rows in work:
                cursor.executemany(statement, rows)
            cursor.execute("COMMIT")
        except Exception:
            if self.driver.in_transaction:
                cursor.execute("ROLLBACK")
            raise
        finally:
            cursor.close()
        # a connection is not told of what it wrote itself
        self._version = None


def _undo(table: DatabaseTable, now: Rows, then: Rows) -> list[tuple[str, list[tuple[Any, ...]]]]:
    extra, gone = outcome(now, then)
    delete, keys = f'DELETE FROM "{table.name}"', extra
    if table.key:
        delete += " WHERE " + " AND ".join(f"{name} = ?" for name in table.keys)
    else:
        keys, gone = [()], list(then.values())
    marks = ", ".join("?" for _ in table.columns)
    insert = f'INSERT INTO "{table.name}" ({table.names}) VALUES ({marks})'
    return [(delete, keys), (insert, gone)]
