"""How every command runs: settings, a session on a checked database, and one line for what fails."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from enum import IntEnum
from typing import Any, TypeVar

import click
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f import external
from cornflow_f.config import Settings, database_url_from_environment
from cornflow_f.database.engine import DatabaseUrlError, create_engine, display_url, session_factory
from cornflow_f.errors import CornflowError
from cornflow_f.external import ExternalApplication
from cornflow_f.migration import run as migrate
from cornflow_f.migration.state import RevisionError

Result = TypeVar("Result")

_CONNECTION_THREAD = "_connection_worker_thread"
"""What aiosqlite's threads run, which Python makes a part of their names."""
_LAST_SECONDS = 10.0
"""How long an end is waited for."""


class CommandExit(IntEnum):
    DONE = 0
    COULD_NOT_RUN = 2


class CouldNotRun(click.ClickException):
    """Ends the program with one line on stderr."""

    exit_code = CommandExit.COULD_NOT_RUN


class Commands(click.Group):
    """Turns the errors we know into one line; all others are bugs and keep their traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (CornflowError, RevisionError, DatabaseUrlError) as error:
            raise CouldNotRun(str(error)) from error


def load_settings() -> Settings:
    try:
        return Settings(database_url=database_url())
    except ValidationError as error:
        raise CouldNotRun("; ".join(map(_describe_setting, error.errors()))) from error


def load_external() -> ExternalApplication | None:
    """The external application of the environment, if there is one."""
    return external.load(load_settings())


def database_url() -> str:
    try:
        return database_url_from_environment()
    except ValueError as error:
        raise CouldNotRun("DEFAULT_POSTGRES must be 0 or 1") from error


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs one coroutine that uses the database."""
    try:
        return asyncio.run(_with_its_threads(work))
    except (DBAPIError, OSError) as error:
        raise CouldNotRun(describe_database_error(error, display_url(database_url()))) from error


async def _with_its_threads(work: Coroutine[Any, Any, Result]) -> Result:
    """Waits for the threads of SQLite connections that failed: they end by themselves a little later.

    Nobody waits for them in aiosqlite, and each reports its end to this loop; once that is closed, the
    report fails and prints a traceback beside our one line.
    """
    before = set(threading.enumerate())
    try:
        return await work
    finally:
        for thread in set(threading.enumerate()) - before:
            if _CONNECTION_THREAD in thread.name:
                await asyncio.to_thread(thread.join, _LAST_SECONDS)


def run_in_session(work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """One transaction on the database, which must be at our revision. Commits when `work` returns."""
    return run(in_session(work))


async def in_session(work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """The same, where a loop runs already."""
    url = database_url()
    await migrate.check_ready(url, load_external())
    engine = create_engine(url, pool_size=1)
    try:
        async with session_factory(engine)() as session, session.begin():
            return await work(session)
    finally:
        await engine.dispose()


_HINTS = {
    # SQLSTATE of PostgreSQL
    "3D000": "Create the database, or correct its name in DATABASE_URL",
    "28000": "Correct the user in DATABASE_URL",
    "28P01": "Correct the password in DATABASE_URL",
    "42501": "Give the user of DATABASE_URL the rights it needs",
    "42P01": "Run: cornflow-f migrations upgrade",
    "53300": "Close other connections, or raise the server's max_connections",
    "57P01": "Try again when the server is up",
    "57P03": "Try again when the server is up",
    # texts of SQLite
    "unable to open database file": "Check that the folder exists and may be written to",
    "database is locked": "Another program holds it: stop it, or try again when it is done",
    "file is not a database": "Correct the path in DATABASE_URL",
    "attempt to write a readonly database": "Make the file and its folder writable",
    "no such table": "Run: cornflow-f migrations upgrade",
    "database disk image is malformed": "Restore the file from a backup",
}


def describe_database_error(error: DBAPIError | OSError, url: str) -> str:
    """Which database, what is wrong, what to do. One line, no password."""
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        return (
            f"The database {url} can't be reached: {reason}. "
            "Check that the server runs and that DATABASE_URL is right"
        )
    reason = " ".join(str(error.orig).split())
    state = str(getattr(error.orig, "sqlstate", ""))
    hint = next(
        (hint for key, hint in _HINTS.items() if key == state or key in reason),
        "Check DATABASE_URL and the database's own log",
    )
    return f"The database {url} refused: {reason}. {hint}"


def _describe_setting(error: Any) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else ""
    words = str(error["msg"]).removeprefix("Value error, ")
    return words if name in words else f"{name}: {words}"
