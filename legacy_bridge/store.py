"""Where the modes are kept: three tables of the bridge's own in the shared database.

`bridge_mode` has a row for each operation that was ever changed, `bridge_history` who changed what,
when and why, `bridge_revision` one counter that every change raises, so that looking for news costs
one tiny query. All are created when missing; nothing else in the database is touched.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateTable

_METADATA = MetaData()

MODES = Table(
    "bridge_mode",
    _METADATA,
    Column("operation", String(500), primary_key=True),
    Column("mode", String(32), nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("why", Text, nullable=False),
)
HISTORY = Table(
    "bridge_history",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("operation", String(500), nullable=False, index=True),
    Column("from_mode", String(32), nullable=False),
    Column("to_mode", String(32), nullable=False),
    Column("why", Text, nullable=False),
)
REVISION = Table(
    "bridge_revision",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
)

_TIMEOUT = 5.0
"""Seconds any one call may take."""

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+pysqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+psycopg2": "postgresql+asyncpg",
    "postgresql+psycopg": "postgresql+asyncpg",
}


class StoreError(Exception):
    """The modes can't be read or written; the text says why."""


@dataclass(frozen=True, slots=True)
class StoredMode:
    """One row of `bridge_mode`. `mode` is text: a newer version may have written one we don't know."""

    mode: str
    changed_at: datetime
    changed_by: str
    why: str


@dataclass(frozen=True, slots=True)
class Stored:
    """All that is stored, by operation, at one revision."""

    revision: int
    modes: Mapping[str, StoredMode]


@dataclass(frozen=True, slots=True)
class Change:
    """One row of `bridge_history`: an operation went from one mode to another. Times are UTC."""

    changed_at: datetime
    changed_by: str
    operation: str
    from_mode: str
    to_mode: str
    why: str


class ModeStore:
    """Reads and writes the modes. `url` is a SQLAlchemy address of SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._failed = False

    async def create(self) -> None:
        """Creates what is missing. Workers that start together may all call it."""
        for attempt in range(5):
            try:
                async with self._begin() as connection:
                    for table in _METADATA.sorted_tables:
                        await connection.execute(CreateTable(table, if_not_exists=True))
                    for table in _METADATA.sorted_tables:
                        for index in table.indexes:
                            await connection.run_sync(index.create, checkfirst=True)
                    await connection.execute(
                        text(
                            "INSERT INTO bridge_revision (id, revision) VALUES (1, 0) "
                            "ON CONFLICT DO NOTHING"
                        )
                    )
            except StoreError:
                # PostgreSQL's IF NOT EXISTS is not safe against another session doing the same.
                if attempt == 4:
                    raise
                await asyncio.sleep(0.1 * (attempt + 1))
            else:
                return

    async def revision(self) -> int:
        async with self._begin() as connection:
            return await _revision(connection)

    async def load(self) -> Stored:
        async with self._begin() as connection:
            # The revision first: a change in between makes the next look find one more, never one less.
            revision = await _revision(connection)
            rows = await connection.execute(select(MODES))
            return Stored(
                revision,
                {
                    row.operation: StoredMode(row.mode, row.changed_at, row.changed_by, row.why)
                    for row in rows
                },
            )

    async def change(
        self, changes: Mapping[str, str], *, unset: str, who: str, why: str
    ) -> list[Change]:
        """Writes all or nothing and returns what did change.

        ``unset`` is the mode an operation without a row has had so far.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        done: list[Change] = []
        async with self._begin() as connection:
            # Raising the counter first takes its lock: writers come one after the other.
            await connection.execute(update(REVISION).values(revision=REVISION.c.revision + 1))
            rows = await connection.execute(select(MODES.c.operation, MODES.c.mode))
            before = {row.operation: row.mode for row in rows}
            for operation, mode in changes.items():
                if before.get(operation) == mode:
                    continue
                values = {"mode": mode, "changed_at": now, "changed_by": who, "why": why}
                if operation in before:
                    await connection.execute(
                        update(MODES).where(MODES.c.operation == operation).values(values)
                    )
                else:
                    await connection.execute(insert(MODES).values(operation=operation, **values))
                change = Change(now, who, operation, before.get(operation, unset), mode, why)
                done.append(change)
                await connection.execute(
                    insert(HISTORY).values(
                        changed_at=now,
                        changed_by=who,
                        operation=operation,
                        from_mode=change.from_mode,
                        to_mode=mode,
                        why=why,
                    )
                )
        return done

    async def history(self, limit: int = 100) -> list[Change]:
        """The newest first."""
        async with self._begin() as connection:
            rows = await connection.execute(
                select(HISTORY).order_by(HISTORY.c.id.desc()).limit(limit)
            )
            return [
                Change(
                    row.changed_at,
                    row.changed_by,
                    row.operation,
                    row.from_mode,
                    row.to_mode,
                    row.why,
                )
                for row in rows
            ]

    async def close(self) -> None:
        await self._engine.dispose()
        if self._failed:
            # The thread of a SQLite connection that could not open still reports to this event loop,
            # and would fail loudly if it were closed by then.
            await asyncio.sleep(0.1)

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(_TIMEOUT), self._engine.begin() as connection:
                yield connection
        except TimeoutError as error:
            raise StoreError(f"the database did not answer within {_TIMEOUT:g} s") from error
        except DBAPIError as error:
            self._failed = True
            # `error.orig` alone: the full text holds the statement and its values.
            raise StoreError(f"{type(error.orig).__name__}: {error.orig}") from error
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"{type(error).__name__}: {error}") from error


async def _revision(connection: AsyncConnection) -> int:
    found: int | None = await connection.scalar(select(REVISION.c.revision))
    if found is None:
        raise StoreError(
            "the table bridge_revision is empty: start the bridge once more to fill it"
        )
    return found


def _engine(url: str) -> AsyncEngine:
    target = _async_url(url)
    # One connection for the look-out and one for a change at the same time.
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 1, "pool_timeout": _TIMEOUT}
    if target.drivername.startswith("sqlite"):
        options["connect_args"] = {"timeout": _TIMEOUT}
    else:
        options["pool_pre_ping"] = True
        options["connect_args"] = {"timeout": _TIMEOUT}
        mode = target.query.get("sslmode")
        if mode is not None:
            # asyncpg's own name for libpq's parameter.
            options["connect_args"]["ssl"] = mode
            target = target.difference_update_query(["sslmode"])
    return create_async_engine(target, **options)


def _async_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # The error's text would show the password.
        raise StoreError(
            "the address of the database can't be read: write sqlite:////path/to/file.db or "
            "postgresql://user:password@host:5432/name"
        ) from error
    driver = _DRIVERS.get(parsed.drivername, parsed.drivername)
    if driver not in _DRIVERS.values():
        raise StoreError(f"'{parsed.drivername}' is not supported: use sqlite:// or postgresql://")
    name = parsed.database
    if driver.startswith("sqlite"):
        if not name or name == ":memory:":
            raise StoreError(
                "a database in memory can't be shared: name a file, sqlite:////path.db"
            )
        if not Path(name).is_absolute():
            raise StoreError(
                f"the SQLite path '{name}' is relative, so each stack may mean another file: write "
                f"sqlite:///{Path.cwd() / name}"
            )
    return parsed.set(drivername=driver)
