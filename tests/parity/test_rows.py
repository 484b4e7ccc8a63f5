"""Rows of both kinds of database: what changed is found, and put back, and no more is read than must be."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from parity_core.model import Change
from parity_tests.stage.databases import sync_url
from parity_tests.stage.rows.access import DatabaseTable, Row
from parity_tests.stage.rows.reader import RowReader

TABLES = (
    "CREATE TABLE shelves (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TABLE books (id {serial}, shelf INTEGER REFERENCES shelves (id), title TEXT, about {json})",
    "CREATE TABLE loans (book INTEGER, reader TEXT, PRIMARY KEY (book, reader))",
    "CREATE TABLE visits (who TEXT)",
    "CREATE TABLE dues (id INTEGER PRIMARY KEY, due TIMESTAMP, day TEXT)",
    "INSERT INTO dues VALUES (1, '2026-03-01 10:20:30.123456', '2026-03-01'), (2, NULL, NULL)",
    "INSERT INTO shelves VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO books (shelf, title, about) VALUES (1, 'x', '{{\"n\": 1}}'), (2, 'y', '1.50'), (1, 'z', NULL)",
    "INSERT INTO loans VALUES (1, 'me'), (2, 'you')",
    "INSERT INTO visits VALUES ('me'), ('me'), ('you')",
)
KINDS = {
    "sqlite": {"serial": "INTEGER PRIMARY KEY", "json": "JSON"},
    "postgresql": {"serial": "SERIAL PRIMARY KEY", "json": "JSON"},
}


@dataclass
class Library:
    """A database, somebody who writes to it, and the reader, whose fetches are told."""

    writer: sa.Connection
    reader: RowReader
    fetched: list[str] = field(default_factory=list)

    def write(self, *statements: str) -> None:
        for statement in statements:
            self.writer.exec_driver_sql(statement)

    def changed(self) -> list[tuple[str, Change, tuple[Any, ...]]]:
        return [(one.table, one.change, one.key) for one in self.reader.changes()]

    def all(self) -> dict[str, list[Any]]:
        return {
            name: [tuple(row) for row in self.writer.exec_driver_sql(f"SELECT * FROM {name}")]
            for name in ("shelves", "books", "loans", "visits")
        }


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    engine = sa.create_engine(sync_url(database_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as writer:
        for statement in TABLES:
            writer.exec_driver_sql(statement.format(**KINDS[engine.dialect.name]))
        reader = RowReader(database_url)
        library = Library(writer, reader)
        fetch = reader._access.fetch

        def told(table: DatabaseTable) -> list[Row]:
            library.fetched.append(table.name)
            return fetch(table)

        reader._access.fetch = told  # type: ignore[method-assign]
        yield library
        reader.close()
    engine.dispose()


def test_what_was_inserted_updated_and_deleted_is_found(library: Library) -> None:
    library.reader.start()
    assert library.changed() == []
    library.write(
        "INSERT INTO books (shelf, title) VALUES (2, 'new')",
        "UPDATE books SET about = '{\"n\": 2}' WHERE id = 1",
        "DELETE FROM loans WHERE book = 2",
        "DELETE FROM visits WHERE who = 'you'",
    )
    assert library.changed() == [
        ("books", Change.UPDATED, (1,)),
        ("books", Change.INSERTED, (4,)),
        ("loans", Change.DELETED, (2, "you")),
        ("visits", Change.DELETED, ("you",)),
    ]
    (update, *_) = library.reader.changes()
    assert update.columns == {"about": {"n": 2}}
    library.reader.start()
    assert library.changed() == []


@pytest.mark.parametrize(
    "statements",
    [
        ("INSERT INTO books (shelf, title) VALUES (2, 'new')",),
        ("UPDATE books SET title = 'no' WHERE id = 1", "DELETE FROM books WHERE id = 3"),
        ("UPDATE books SET title = 'no' WHERE id = 1", "UPDATE books SET title = 'x' WHERE id = 1"),
        ("DELETE FROM visits", "INSERT INTO visits VALUES ('other')"),
        ("INSERT INTO loans VALUES (1, 'it''s me'), (3, 'you')",),
        ("DELETE FROM books", "DELETE FROM loans", "DELETE FROM shelves"),
    ],
)
def test_all_is_put_back_in_the_order_it_had(library: Library, statements: tuple[str, ...]) -> None:
    before = library.all()
    for _ in range(2):
        library.reader.start()
        library.write(*statements)
        library.reader.restore()
        assert library.all() == before
        library.reader.start()
        assert library.changed() == []


def test_numbers_begin_where_they_began(library: Library) -> None:
    for _ in range(2):
        library.reader.start()
        library.write("INSERT INTO books (shelf, title) VALUES (1, 'new')")
        assert library.changed() == [("books", Change.INSERTED, (4,))]
        library.reader.restore()


def test_of_a_later_baseline_the_rows_are_kept(library: Library) -> None:
    library.write("INSERT INTO shelves VALUES (3, 'c')")
    library.reader.rebase()
    library.write("INSERT INTO shelves VALUES (4, 'd')", "DELETE FROM shelves WHERE id = 3")
    library.reader.restore()
    assert [row[0] for row in library.all()["shelves"]] == [1, 2, 3]


ON_POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


def lying(library: Library, table: str) -> list[tuple[str, str]]:
    """Where each row lies, and which version it is."""
    rows = library.writer.exec_driver_sql(f"SELECT ctid::text, xmin::text FROM {table}")
    return [(row[0], row[1]) for row in rows]


@ON_POSTGRESQL
def test_on_postgresql_only_what_was_written_is_read_and_written_back(library: Library) -> None:
    before = {name: lying(library, name) for name in ("books", "shelves", "loans")}
    library.reader.start()
    library.write("INSERT INTO books (shelf, title) VALUES (2, 'new')")
    library.reader.changes()
    library.reader.restore()
    assert set(library.fetched) == {"books"}
    after = {name: lying(library, name) for name in before}
    assert [name for name in before if after[name] != before[name]] == ["books"]
    library.write("UPDATE loans SET reader = 'no' WHERE book = 1")
    library.reader.restore()
    assert set(library.fetched) == {"books", "loans"}


@ON_POSTGRESQL
def test_on_postgresql_rows_keep_their_order_however_often_they_were_written(
    library: Library,
) -> None:
    before = library.all()
    for times in (1, 7, 3):
        for _ in range(times):
            library.write("UPDATE books SET title = title || '!'", "DELETE FROM books WHERE id > 3")
            library.write("INSERT INTO books (shelf, title) VALUES (2, 'new')")
        library.reader.restore()
        assert library.all() == before


@ON_POSTGRESQL
def test_on_postgresql_of_large_tables_only_what_differs_is_written(library: Library) -> None:
    library.write(
        "INSERT INTO shelves SELECT n, 'shelf ' || n FROM generate_series(3, 2500) n",
        "INSERT INTO visits SELECT 'visitor ' || n FROM generate_series(1, 2500) n",
    )
    library.reader.rebase()
    before, all_before = lying(library, "shelves"), library.all()
    library.write(
        "DELETE FROM shelves WHERE id = 2500",
        "UPDATE shelves SET name = 'x' WHERE id = 2499",
        "INSERT INTO shelves VALUES (3000, 'new')",
        "DELETE FROM visits WHERE who > 'visitor 2'",
    )
    library.reader.restore()
    after = lying(library, "shelves")
    assert after[:2498] == before[:2498]
    assert {name: sorted(map(str, rows)) for name, rows in library.all().items()} == {
        name: sorted(map(str, rows)) for name, rows in all_before.items()
    }


def test_days_pass_for_whoever_reads_times_and_are_put_back(library: Library) -> None:
    def due() -> list[str]:
        rows = library.writer.exec_driver_sql("SELECT due, day FROM dues ORDER BY id")
        return [" ".join(map(str, row)) for row in rows]

    before = due()
    assert before == ["2026-03-01 10:20:30.123456 2026-03-01", "None None"]
    library.reader.age(100)
    assert due() == ["2025-11-21 10:20:30.123456 2026-03-01", "None None"]
    library.reader.start()
    assert library.changed() == [], "a step is not told of what happened before it"
    library.reader.restore()
    assert due() == before
