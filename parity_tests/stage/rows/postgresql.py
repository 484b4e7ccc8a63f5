"""Rows of a PostgreSQL database: its snapshot tells of writes, a digest of rows' versions in which tables.

Every request is a round trip between busy processes, so there are as few as can be: one when nothing was
written, one more to learn where, one for each table that was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from parity_tests.stage.rows.access import DatabaseTable, Row, RowAccess, Rows, outcome

_VALUES = 5_000
"""Values that go into one statement."""
_SMALL = 2_000
"""Rows of a table that is written anew as a whole."""
_SEQUENCES = "SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) FROM pg_sequences"


class PostgresqlAccess(RowAccess):
    def __init__(self, driver: Any, tables: Sequence[DatabaseTable]) -> None:
        super().__init__(driver, tables)
        self._cursor = driver.cursor()
        self._snapshot: Any = None
        self._digests: dict[str, Any] = {}
        self._clean: dict[str, Any] = {}
        """The digests of the baseline: a table with another one was written to."""
        self._sequences = ""
        """The statement that puts all sequences back."""
        # planned once: planning costs more than reading some hundred rows
        if tables:
            self._do(f"PREPARE parity_versions AS {_versions(tables)}")

    def written(self) -> bool:
        ((snapshot,),) = self._query("SELECT pg_current_snapshot()::text")
        known, self._snapshot = self._snapshot, snapshot
        return bool(known != snapshot)

    def stale(self) -> Iterable[DatabaseTable]:
        stale = []
        for number, *digest in self._query("EXECUTE parity_versions") if self.tables else ():
            table = self.tables[number]
            if self._digests.get(table.name) != digest:
                self._digests[table.name] = digest
                stale.append(table)
        return stale

    def fetch(self, table: DatabaseTable) -> list[Row]:
        # as text: the driver would decode JSON
        columns = ", ".join(f'"{c}"::text' if c in table.json else f'"{c}"' for c in table.columns)
        return self._query(f'SELECT {columns} FROM "{table.name}"')

    def touched(self, table: DatabaseTable) -> bool:
        return self._digests.get(table.name) != self._clean.get(table.name)

    def rebase(self) -> None:
        self.restored()
        sets = []
        for (name,) in self._query(_SEQUENCES):
            ((value, called),) = self._query(f"SELECT last_value, is_called FROM {name}")
            quoted = name.replace("'", "''")
            sets.append(f"setval('{quoted}', {value}, {str(called).lower()})")
        self._sequences = f"SELECT {', '.join(sets)}" if sets else ""

    def baseline(self) -> Any:
        return self._clean, self._sequences

    def go_back(self, baseline: Any) -> None:
        self._clean, self._sequences = baseline

    def restore(self, touched: Sequence[tuple[DatabaseTable, Rows, Rows]]) -> None:
        """Small tables are written anew, so that their rows lie in the order they had; of large ones only
        what differs is undone. No VACUUM: what it learns of a table changes plans, and so the order of joins.
        """
        try:
            if touched:
                self._do("BEGIN; SET LOCAL session_replication_role = replica")
                for table, now, then in touched:
                    is_small = len(then) <= _SMALL
                    self._each(_rewrite(table, then) if is_small else _undo(table, now, then))
                self._do("COMMIT")
            if self._sequences:
                self._query(self._sequences)
        except Exception:
            self._do("ROLLBACK")
            raise

    def age(self, days: int) -> None:
        for table in self.tables:
            sets = ", ".join(
                f'"{name}" = "{name}" - interval \'{days:d} days\'' for name in table.times
            )
            if sets:
                self._do(f'UPDATE "{table.name}" SET {sets}')

    def restored(self) -> None:
        self._clean = dict(self._digests)

    def _query(self, statement: str) -> list[Row]:
        self._do(statement)
        return [tuple(row) for row in self._cursor.fetchall()]

    def _each(self, work: Iterable[tuple[str, list[Any]]]) -> None:
        for statement, values in work:
            self._cursor.execute(statement, values)

    def _do(self, statement: str) -> None:
        self._cursor.execute(statement)


def _versions(tables: Sequence[DatabaseTable]) -> str:
    """Which versions of rows each table has: what is written is another version at another place."""
    digest = "count(*), sum(hashtextextended(ctid::text || ' ' || xmin::text, 0))"
    return " UNION ALL ".join(
        f'SELECT {number}, {digest} FROM "{table.name}"' for number, table in enumerate(tables)
    )


def _rewrite(table: DatabaseTable, then: Rows) -> Iterator[tuple[str, list[Any]]]:
    """Statements with their values: PostgreSQL lists rows as they lie, and what is written lies at the end."""
    yield f'DELETE FROM "{table.name}"', []
    yield from _insert(table, list(then.values()))


def _undo(table: DatabaseTable, now: Rows, then: Rows) -> Iterator[tuple[str, list[Any]]]:
    """Rows that differ go, and come as they were."""
    if not table.key:
        yield from _rewrite(table, then)
        return
    extra, gone = outcome(now, then)
    for some in _portions(extra):
        where = f"({', '.join(table.keys)}) IN ({_marks(some)})"
        yield f'DELETE FROM "{table.name}" WHERE {where}', _flat(some)
    yield from _insert(table, gone)


def _insert(table: DatabaseTable, rows: list[Row]) -> Iterator[tuple[str, list[Any]]]:
    for some in _portions(rows):
        yield f'INSERT INTO "{table.name}" ({table.names}) VALUES {_marks(some)}', _flat(some)


def _portions(rows: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    step = max(1, _VALUES // len(rows[0])) if rows else 1
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _marks(rows: list[tuple[Any, ...]]) -> str:
    one = f"({', '.join('%s' for _ in rows[0])})"
    return ", ".join([one] * len(rows))


def _flat(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [value for row in rows for value in row]
