"""One process at a time prepares a database: replicas that start together would all create the same rows."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy import func, select

from cornflow_f.database.engine import create_engine, sqlite_file

_LOCK = 0x7075726E
"""Any number of our own; a migration has another."""

_PAUSE = 0.25


@asynccontextmanager
async def turn(url: str, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Waits until no other process prepares this database; `waiting` is called once if one does.

    Whoever waits holds neither a connection nor a lock, and the turn of a process that dies is over.
    """
    async with AsyncExitStack() as held:
        first = True
        while not await _take(url, held):
            if first:
                waiting()
            first = False
            await asyncio.sleep(_PAUSE)
        yield


async def _take(url: str, held: AsyncExitStack) -> bool:
    file = sqlite_file(url)
    if file is not None:
        return _take_folder(file.parent, held)
    async with AsyncExitStack() as mine:
        engine = create_engine(url)
        mine.push_async_callback(engine.dispose)
        if engine.dialect.name == "sqlite":
            # in memory: nobody else can have it
            return True
        connection = await mine.enter_async_context(engine.connect())
        # Of the transaction, not of the session, which a pooler may give to somebody else.
        taken = await connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK)))
        if taken:
            held.push_async_callback(mine.pop_all().aclose)
    return bool(taken)


def _take_folder(folder: Path, held: AsyncExitStack) -> bool:
    """The folder's lock. One of the file's would end those that SQLite has on it in this process."""
    import fcntl

    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(opened)
        if isinstance(error, BlockingIOError):
            return False
        raise
    held.callback(os.close, opened)
    return True
