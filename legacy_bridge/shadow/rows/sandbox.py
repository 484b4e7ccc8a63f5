"""A place where the other stack may write: a transaction that never commits, and never holds up a client.

PostgreSQL: the live database. Waiting for a lock ends after a moment; and a watch on another connection
ends the transaction as soon as anybody waits for *it*.

SQLite has one lock for all writers, so a transaction on the live file would stop every client's write:
there the work is done on a private copy of the file, made again when the file has changed.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_LOOK_SECONDS = 0.02
"""Between two looks whether a client waits: about the longest it can wait for a shadow."""
_LOCK_MS = 200
_STATEMENT_MS = 5_000
_IDLE_MS = 2_000
"""The server ends a transaction that nobody goes on with, also when this process gets no processor."""
_LOCK_STATES = frozenset(("55P03", "57014", "40P01", "40001", "57P01", "25P03"))
"""Lock not available, cancelled, deadlock, serialisation, terminated, idle for too long."""

_WAITED_FOR = text(
    "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND datname = current_database() AND :pid = ANY (pg_blocking_pids(pid)))"
)
_END = text("SELECT pg_terminate_backend(:pid)")
_SETTINGS = text(
    "SELECT pg_backend_pid(),"
    f" set_config('lock_timeout', '{_LOCK_MS}', true),"
    f" set_config('statement_timeout', '{_STATEMENT_MS}', true),"
    f" set_config('idle_in_transaction_session_timeout', '{_IDLE_MS}', true)"
)

MakeEngine = Callable[[str], AsyncEngine]


class GaveWayError(Exception):
    """The work stood in a client's way, or a client in its; nothing of it is left."""


class CopyTooLargeError(Exception):
    """The SQLite file is larger than what is worth copying for a comparison."""


@dataclass(slots=True)
class Room:
    """Where the work is done."""

    engine: AsyncEngine
    connection: AsyncConnection
    gave_way: bool = False
    """The work was broken off for a client's sake; what came of it means nothing."""
    may_write: bool = True


class Sandbox(Protocol):
    def open(self, *, reading: bool = False) -> AbstractAsyncContextManager[Room]:
        """A transaction that is rolled back at the end of the block.

        ``reading``: no write is expected. If there is one, it fails, and the work is to be
        done again without.
        """

    async def close(self) -> None: ...


class PostgresSandbox:
    """`make` builds an engine for a URL; it is this sandbox's own."""

    def __init__(self, url: str, make: MakeEngine) -> None:
        self.engine = make(url)
        self._watching = make(url)

    @asynccontextmanager
    async def open(self, *, reading: bool = False) -> AsyncIterator[Room]:
        async with self.engine.connect() as connection:
            await connection.begin()
            pid = await connection.scalar(_SETTINGS)
            room = Room(self.engine, connection)
            watch = asyncio.create_task(self._watch(int(pid or 0), room))

            def noted(context: Any) -> None:
                if sql_state(context.original_exception) in _LOCK_STATES:
                    room.gave_way = True

            event.listen(self.engine.sync_engine, "handle_error", noted)
            try:
                yield room
            finally:
                event.remove(self.engine.sync_engine, "handle_error", noted)
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
                await _end(connection)

    async def _watch(self, pid: int, room: Room) -> None:
        """Most work is over before the first look."""
        await asyncio.sleep(_LOOK_SECONDS)
        async with self._watching.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            # The database has no other way to tell.
            while not await connection.scalar(_WAITED_FOR, {"pid": pid}):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
            room.gave_way = True
            await connection.execute(_END, {"pid": pid})

    async def close(self) -> None:
        await self.engine.dispose()
        await self._watching.dispose()


async def _end(connection: AsyncConnection) -> None:
    try:
        await connection.rollback()
    except DBAPIError:
        # It was ended from outside, so it is rolled back already.
        await connection.invalidate()


def sql_state(error: BaseException | None) -> str | None:
    """PostgreSQL's code of an error, wherever in the chain the driver has put it."""
    depth = 0
    while error is not None and depth < 8:
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if state:
            return str(state)
        error, depth = error.__cause__ or getattr(error, "orig", None), depth + 1
    return None


class SqliteSandbox:
    """`most` bytes of a file are copied, no more."""

    def __init__(self, file: Path, make: MakeEngine, *, most: int = 256 * 1024 * 1024) -> None:
        self._file = file
        self._most = most
        self._folder = tempfile.TemporaryDirectory(prefix="cutover-shadow-")
        self._copy = Path(self._folder.name, "copy.db")
        self._source: sqlite3.Connection | None = None
        self._version: Any = None
        self._lock = asyncio.Lock()
        self._on_copy = make(f"sqlite:///{self._copy}")
        prepare_savepoints(self._on_copy)
        self._on_file = make(f"sqlite:///{file}")
        prepare_savepoints(self._on_file, only_reads=True)

    @asynccontextmanager
    async def open(self, *, reading: bool = False) -> AsyncIterator[Room]:
        if reading:
            async with _rolled_back(self._on_file) as connection:
                yield Room(self._on_file, connection, may_write=False)
            return
        async with self._lock:
            size = self._file.stat().st_size
            if size > self._most:
                raise CopyTooLargeError(f"{size:,} bytes, more than {self._most:,}")
            await asyncio.to_thread(self._refresh)
            async with _rolled_back(self._on_copy) as connection:
                yield Room(self._on_copy, connection)

    def _refresh(self) -> None:
        if self._source is None:
            self._source = sqlite3.connect(self._file, check_same_thread=False, timeout=1)
        version = self._source.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        # The driver may hold the copy open, so it is written over in place.
        target = sqlite3.connect(self._copy, timeout=1)
        try:
            # Nobody wants it after a crash, and waiting for the disk would have clients wait for it too.
            target.execute("PRAGMA synchronous = OFF")
            self._source.backup(target)
        finally:
            target.close()
        self._version = version

    async def close(self) -> None:
        await self._on_copy.dispose()
        await self._on_file.dispose()
        if self._source is not None:
            self._source.close()
        self._folder.cleanup()


@asynccontextmanager
async def _rolled_back(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as connection:
        await connection.begin()
        try:
            yield connection
        finally:
            await connection.rollback()


def prepare_savepoints(engine: AsyncEngine, *, only_reads: bool = False) -> None:
    """Python's driver begins transactions where it likes, which breaks savepoints: here we say when."""

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA {'query_only = ON' if only_reads else 'synchronous = OFF'}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")
