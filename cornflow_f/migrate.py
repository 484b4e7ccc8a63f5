"""Runs the port's migrations from code: no alembic.ini, no current folder, any async engine."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cornflow_f import schema_state
from cornflow_f.database import create_engine, display_url, sqlite_file
from cornflow_f.schema_state import Found, RevisionError, Start

# Found beside this package rather than imported by name: `migrations` is a common name, and the
# current folder may well have one of its own.
SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"

_LOCK = 0x636F726E  # any number of our own; two migrations at once would both start from nothing


@dataclass(frozen=True, slots=True)
class Moved:
    """What a migration did. `start` is set when it was the first one on this database."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    start: Start | None = None


def head_revision() -> str:
    head = ScriptDirectory(str(SCRIPTS)).get_current_head()
    assert head is not None, "the chain has a head"
    return head


async def upgrade(url: str, revision: str = "head") -> Moved:
    """Create, adopt or bring forward the database. All of it happens, or nothing does."""

    def run(connection: Connection) -> Moved:
        before = schema_state.read(connection)
        command.upgrade(_config(connection), revision)
        after = schema_state.read(connection).ported or ()
        start = None
        if after and not before.ported:
            start = Start.ADOPT if before.legacy else Start.CREATE
        return Moved(before.ported or (), after, start)

    return await _run_locked(url, run)


async def downgrade(url: str, revision: str = "-1") -> Moved:
    """Step back. The first migration drops nothing (docs/decisions/0001-two-version-tables.md)."""

    def run(connection: Connection) -> Moved:
        before = schema_state.read(connection).ported or ()
        if not before:
            raise RevisionError(
                "There is nothing to undo: no migration of this program is recorded"
            )
        command.downgrade(_config(connection), revision)
        return Moved(before, schema_state.read(connection).ported or ())

    return await _run_locked(url, run)


async def current(url: str) -> Found:
    async with _connection(url) as connection:
        return await connection.run_sync(schema_state.read)


async def check_ready(url: str) -> None:
    """Raises RevisionError unless a server can work on this database."""
    schema_state.check_ready(await current(url), head_revision())


async def _run_locked(url: str, run: Callable[[Connection], Moved]) -> Moved:
    engine = create_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            await _lock(engine, connection)
            try:
                moved = await connection.run_sync(run)
            except CommandError as error:
                raise RevisionError(_explain(error)) from error
            await connection.commit()
            return moved
    finally:
        await engine.dispose()


async def _lock(engine: AsyncEngine, connection: AsyncConnection) -> None:
    """One migration at a time; on SQLite this also makes the schema changes one transaction."""
    if engine.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AsyncConnection]:
    file = sqlite_file(url)
    if file is not None and not file.exists():
        # SQLite would create an empty one.
        raise RevisionError(
            f"The database {display_url(url)} does not exist. Run: cornflow-f migrations upgrade"
        )
    engine = create_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    # Alembic reads a single % as the start of an interpolation.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config


def _explain(error: CommandError) -> str:
    text = str(error)
    if "Can't locate revision" in text:
        return (
            f"{text}: the database was migrated by another version of this program, "
            "or the revision does not exist. Use that version, or name a revision of this one"
        )
    return text
