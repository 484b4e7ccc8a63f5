"""What a request has read is noted, and another client's write since then is noticed."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from legacy_bridge.shadow.rows import follow
from legacy_bridge.shadow.rows.reads import changed_since, written_since
from legacy_bridge.shadow.rows.recording import Recording, recorded

THEN = datetime(2026, 1, 2, 3, 4, 5)


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "shelves"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    things: Mapped[Any] = mapped_column(sa.JSON)
    updated_at: Mapped[datetime]


class Colour(Base):
    __tablename__ = "colours"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    made = sa.create_engine(f"sqlite:///{tmp_path / 'reads.db'}")
    Base.metadata.create_all(made)
    with Session(made) as session:
        session.add_all(
            Shelf(id=number, name=f"{number}", things=[1], updated_at=THEN) for number in (1, 2, 3)
        )
        session.add(Colour(id=1))
        session.commit()
    follow.install()
    return made


def read(engine: sa.Engine, *statements: sa.Select[Any]) -> Recording:
    recording = Recording(noting_reads=True)
    with recorded(recording), Session(engine) as session:
        for statement in statements:
            session.execute(statement).all()
    return recording


def write(engine: sa.Engine, statement: sa.Update | sa.Delete) -> None:
    with engine.begin() as connection:
        connection.execute(statement)


def told(engine: sa.Engine, recording: Recording) -> tuple[str | None, str | None]:
    """What has changed of the rows, and of the tables since a moment after `THEN`."""

    async def ask() -> tuple[str | None, str | None]:
        looking = create_async_engine(f"sqlite+aiosqlite:///{engine.url.database}")
        tables = Base.metadata.tables
        async with looking.connect() as connection:
            found = (
                await changed_since(connection, recording, tables),
                await written_since(
                    connection, recording, tables, ("updated_at",), THEN + timedelta(seconds=1)
                ),
            )
        await looking.dispose()
        return found

    return asyncio.run(ask())


def test_nothing_has_changed(engine: sa.Engine) -> None:
    recording = read(engine, sa.select(Shelf), sa.select(Colour))
    assert recording.reads["shelves", (2,)] == {"id": 2, "name": "2", "updated_at": THEN}
    assert told(engine, recording) == (None, None)


def test_a_row_that_was_read_has_changed(engine: sa.Engine) -> None:
    recording = read(engine, sa.select(Shelf).where(Shelf.id == 2))
    later = THEN + timedelta(seconds=9)
    write(engine, sa.update(Shelf).where(Shelf.id == 2).values(things=[2], updated_at=later))
    assert told(engine, recording) == ("shelves (2,) updated_at", "shelves was written")


def test_a_row_that_was_read_is_gone(engine: sa.Engine) -> None:
    recording = read(engine, sa.select(Shelf))
    write(engine, sa.delete(Shelf).where(Shelf.id == 3))
    assert told(engine, recording) == ("shelves (3,) is gone", None)


def test_other_rows_and_other_tables_do_not_matter(engine: sa.Engine) -> None:
    later = THEN + timedelta(seconds=9)
    shelf = read(engine, sa.select(Shelf).where(Shelf.id == 2))
    colour = read(engine, sa.select(Colour))
    write(engine, sa.update(Shelf).where(Shelf.id == 1).values(updated_at=later))
    assert told(engine, shelf) == (None, "shelves was written")
    assert told(engine, colour) == (None, None)


def test_a_row_that_was_not_there_is_noticed_when_it_comes(engine: sa.Engine) -> None:
    """A refusal because nothing was found."""
    recording = read(engine, sa.select(Shelf).where(Shelf.name == "new"))
    assert recording.reads == {}
    with Session(engine) as session:
        session.add(Shelf(id=9, name="new", things=[], updated_at=THEN + timedelta(seconds=9)))
        session.commit()
    assert told(engine, recording) == (None, "shelves was written")


def test_nothing_is_noted_where_the_request_can_be_asked_again(engine: sa.Engine) -> None:
    recording = Recording()
    with recorded(recording), Session(engine) as session:
        session.execute(sa.select(Shelf)).all()
    assert (recording.reads, recording.tables_read) == ({}, set())
