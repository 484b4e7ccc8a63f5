"""The shared database: a connection pool of the bridge's own, its tables, and errors in plain words."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, DateTime, bindparam, event, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.schema import CreateTable

from legacy_bridge.database.address import (
    POSTGRESQL,
    SQLITE,
    AddressError,
    driver_arguments,
    read,
)
from legacy_bridge.database.tables import METADATA
from parity_core import private

_TIMEOUT = 5.0
"""Seconds any one call may take."""


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
                    await _create_missing(connection)
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


async def _create_missing(connection: AsyncConnection) -> None:
    """Asks first: a role that may only read and write may not even say CREATE IF NOT EXISTS."""
    present = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    missing = [table for table in METADATA.sorted_tables if table.name not in present]
    for table in missing:
        await connection.execute(CreateTable(table, if_not_exists=True))
    for table in missing:
        for index in table.indexes:
            await connection.run_sync(index.create, checkfirst=True)
    await connection.execute(
        text("INSERT INTO bridge_revision (id, revision) VALUES (1, 0) ON CONFLICT DO NOTHING")
    )
    # Every replica must number the users of a canary alike: the first one here decides.
    salt = secrets.token_hex(16)
    await write_first(connection, "setting", "salt", salt, why="first start")


async def write_first(
    connection: AsyncConnection, kind: str, name: str, value: str, *, why: str
) -> None:
    """A row of `bridge_state` unless there is one: whoever comes first decides for all replicas."""
    await connection.execute(
        text(
            "INSERT INTO bridge_state (kind, name, value, changed_at, changed_by, why) "
            "VALUES (:kind, :name, :value, :now, 'cutover', :why) "
            "ON CONFLICT DO NOTHING"
        ).bindparams(bindparam("now", type_=DateTime)),
        {
            "kind": kind,
            "name": name,
            "value": json.dumps({"value": value}),
            "now": datetime.now(UTC).replace(tzinfo=None),
            "why": why,
        },
    )


def _engine(url: str) -> AsyncEngine:
    target, arguments = _driver_arguments(url)
    # One connection for the look-out and one for a change at the same time.
    # The class is named, as SQLAlchemy before 2.0.38 keeps no connections to SQLite's files.
    options: dict[str, Any] = {
        "poolclass": AsyncAdaptedQueuePool,
        "pool_size": 1,
        "max_overflow": 1,
        "pool_timeout": _TIMEOUT,
        "connect_args": arguments | {"timeout": _TIMEOUT},
    }
    if target.get_backend_name() == POSTGRESQL:
        options["pool_pre_ping"] = True
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


def _driver_arguments(url: str) -> tuple[URL, dict[str, Any]]:
    try:
        address = read(url)
        if address.backend == SQLITE:
            _check_file(address.file)
        return driver_arguments(address)
    except AddressError as error:
        raise StoreError(f"the address of the database {error}") from error


def _check_file(name: str) -> None:
    if name in ("", ":memory:"):
        raise StoreError("a database in memory can't be shared: name a file, sqlite:////path.db")
    if not name.startswith("file:") and not Path(name).is_absolute():
        raise StoreError(
            f"the SQLite path '{name}' is relative, so each stack may mean another file: write "
            f"sqlite:///{Path.cwd() / name}"
        )
