"""Engine, sessions and `Base`. Nothing is opened at import: factories only.

Datetimes in the database are naive; what they mean is in `clock`.
"""

import contextlib
import os
import time
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Self

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from cornflow_f.database import address
from cornflow_f.database.address import Address, AddressError
from cornflow_f.database.clock import use_zone, zone_named
from cornflow_f.database.json_text import to_text

BUSY_TIMEOUT_MS = 5_000
"""How long a SQLite writer waits for another one; what sqlite3 itself does, so what the legacy does."""

IDLE_SECONDS = 1.0
"""A pooled connection unused for longer is asked whether it still lives."""

_IDLE_SINCE = "idle_since"
_MEMORY = (None, "", ":memory:")


class DatabaseUrlError(ValueError):
    """The address of the database can't be used; the text says what to write instead."""


class Base(DeclarativeBase):
    """Parent of all models."""


def read_address(url: str) -> Address:
    """The legacy's `DATABASE_URL` in its parts. Raises DatabaseUrlError.

    A relative SQLite path is refused: Flask-SQLAlchemy looks for it in the legacy's instance folder
    and SQLAlchemy in the current one, so the two stacks would quietly write to different files.
    """
    try:
        known = address.read(url)
    except AddressError as error:
        raise DatabaseUrlError(f"DATABASE_URL {error}") from error
    if known.backend == address.SQLITE:
        _refuse_relative_path(known.file)
    return known


def _refuse_relative_path(name: str) -> None:
    if name in _MEMORY or name.startswith("file:") or Path(name).is_absolute():
        return
    raise DatabaseUrlError(
        f"DATABASE_URL has the relative path '{name}': Flask-SQLAlchemy looks for it in the legacy's "
        "instance folder, this program would look in the current one. "
        f"Write the absolute path, for example sqlite:///{Path.cwd() / name}"
    )


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for PostgreSQL and for a database in memory."""
    known = read_address(url)
    name = known.file
    if known.backend != address.SQLITE or name in _MEMORY or name.startswith("file:"):
        return None
    return Path(name)


def display_url(url: str) -> str:
    """The address without its password, for messages."""
    return read_address(url).display()


def _make_private(file: Path) -> None:
    """A new database is its owner's alone, whatever the umask is; SQLite gives its log the same mode."""
    # where that is not possible SQLite itself says why
    with contextlib.suppress(OSError):
        # A file that is there is never opened: closing it would end the locks of all our connections to it.
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def create_engine(
    url: str, *, pool_size: int = 10, busy_timeout_ms: int = BUSY_TIMEOUT_MS, **options: Any
) -> AsyncEngine:
    """An engine for one process. `options` go to SQLAlchemy, e.g. ``echo=True``."""
    try:
        target, connect_args = address.driver_arguments(read_address(url))
    except AddressError as error:
        raise DatabaseUrlError(f"DATABASE_URL {error}") from error
    options.setdefault("json_serializer", to_text)
    if target.get_backend_name() == address.POSTGRESQL:
        engine = create_async_engine(
            target, pool_size=pool_size, connect_args=connect_args, **options
        )
        _ping_when_idle(engine)
        return engine
    if target.database not in _MEMORY:
        options["pool_size"] = pool_size
    engine = create_async_engine(target, **options)
    file = sqlite_file(url)
    if file is not None:
        event.listen(engine.sync_engine, "do_connect", lambda *_: _make_private(file))

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        try:
            cursor = connection.cursor()
            # First the timeout: switching to WAL takes a lock that another process may hold.
            cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout_ms)}")
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()
        except BaseException:
            # Not in the pool yet, so nobody else would end its thread.
            connection.close()
            raise

    return engine


def _ping_when_idle(engine: AsyncEngine) -> None:
    """A restarted server must not cost one failed request for each pooled connection.

    SQLAlchemy's own pre-ping asks before every use, which under load is a third of a short request.
    """
    pool = engine.sync_engine.pool

    @event.listens_for(pool, "checkin")
    def _note(_connection: object, record: Any) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    @event.listens_for(pool, "checkout")
    def _ping(connection: Any, record: Any, _proxy: object) -> None:
        since = record.info.get(_IDLE_SINCE)
        if since is None or time.monotonic() - since < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            # The pool replaces all its connections that are older, and asks again.
            raise InvalidatePoolError from error


class _Zone:
    """The time zone of an engine's database, asked for once."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._known: tzinfo | None = UTC if engine.dialect.name != address.POSTGRESQL else None

    async def get(self) -> tzinfo:
        if self._known is None:
            async with self._engine.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                # The server says it to every new connection.
                self._known = zone_named(driver.get_settings().TimeZone)
        return self._known


class DatabaseSession(AsyncSession):
    """A session after whose opening `clock` shows the time of its database."""

    def __init__(self, *args: Any, zone: _Zone, **options: Any) -> None:
        super().__init__(*args, **options)
        self._zone = zone

    async def __aenter__(self) -> Self:
        use_zone(await self._zone.get())
        return await super().__aenter__()


def session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Sessions whose objects stay readable after a commit: an expired one can't be reloaded implicitly."""
    return async_sessionmaker(
        engine, class_=DatabaseSession, expire_on_commit=False, zone=_Zone(engine)
    )


class ReadingSession(DatabaseSession):
    """A session that statements pass by: they run on the connection that its objects would use.

    Only where every statement is a transaction of its own: the session can't end one.
    """

    _opened: AsyncConnection | None = None

    async def connection(self, *args: Any, **options: Any) -> AsyncConnection:
        if self._opened is None:
            engine = self.bind
            assert isinstance(engine, AsyncEngine)
            self._opened = await engine.connect()
            # One request, one connection: two could wait for each other when the pool is empty.
            self.sync_session.bind = self._opened.sync_connection
        return self._opened

    async def close(self) -> None:
        try:
            if self._opened is None or self.in_transaction():
                await super().close()
        finally:
            if self._opened is not None:
                await self._opened.close()
                self._opened = None

    async def __aexit__(self, type_: Any, value: Any, traceback: Any) -> None:
        if type_ is None:
            # There is no transaction to end, so nothing that a cancellation could interrupt.
            await self.close()
        else:
            await super().__aexit__(type_, value, traceback)


def reading_session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Sessions for requests that only read: on PostgreSQL without BEGIN and ROLLBACK around them.

    What such a request does write is committed statement by statement.
    """
    if engine.dialect.name != address.POSTGRESQL:
        return session_factory(engine)
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    return async_sessionmaker(
        alone, class_=ReadingSession, expire_on_commit=False, zone=_Zone(engine)
    )
