"""The shared database: a connection pool of the bridge's own, its tables, and errors in plain words."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, DateTime, bindparam, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.schema import CreateTable

from legacy_bridge.database.tables import METADATA
from parity_core import private

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
    """The database can't be used now; the text says why and is safe to show."""


class Database:
    """`url` is a SQLAlchemy address of SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._failed = False

    async def create(self) -> None:
        """Creates what is missing. Workers that start together may all call it."""
        for attempt in range(5):
            try:
                async with self.begin() as connection:
                    for table in METADATA.sorted_tables:
                        await connection.execute(CreateTable(table, if_not_exists=True))
                    for table in METADATA.sorted_tables:
                        for index in table.indexes:
                            await connection.run_sync(index.create, checkfirst=True)
                    await connection.execute(
                        text(
                            "INSERT INTO bridge_revision (id, revision) VALUES (1, 0) "
                            "ON CONFLICT DO NOTHING"
                        )
                    )
                    # Every replica must number the users of a canary alike: the first one here decides.
                    await connection.execute(
                        text(
                            "INSERT INTO bridge_state "
                            "(kind, name, value, changed_at, changed_by, why) "
                            "VALUES ('setting', 'salt', :value, :now, 'cutover', 'first start') "
                            "ON CONFLICT DO NOTHING"
                        ).bindparams(bindparam("now", type_=DateTime)),
                        {
                            "value": json.dumps({"value": secrets.token_hex(16)}),
                            "now": datetime.now(UTC).replace(tzinfo=None),
                        },
                    )
            except StoreError:
                # PostgreSQL's IF NOT EXISTS is not safe against another session doing the same.
                if attempt == 4:
                    raise
                await asyncio.sleep(0.1 * (attempt + 1))
            else:
                return

    async def close(self) -> None:
        await self._engine.dispose()
        if self._failed:
            # The thread of a SQLite connection that could not open still reports to this event loop,
            # and would fail loudly if it were closed by then.
            await asyncio.sleep(0.1)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
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


def _engine(url: str) -> AsyncEngine:
    target = _async_url(url)
    # One connection for the look-out and one for a change at the same time.
    # The class is named, as SQLAlchemy before 2.0.38 keeps no connections to SQLite's files.
    options: dict[str, Any] = {
        "poolclass": AsyncAdaptedQueuePool,
        "pool_size": 1,
        "max_overflow": 1,
        "pool_timeout": _TIMEOUT,
    }
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
    try:
        engine = create_async_engine(target, **options)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"the package {error.name} is not installed: pip install 'legacy-bridge[postgresql]'"
        ) from error
    if target.drivername.startswith("sqlite") and target.database:
        file = Path(target.database)
        event.listen(engine.sync_engine, "do_connect", lambda *_: private.make_database(file))
    return engine


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
