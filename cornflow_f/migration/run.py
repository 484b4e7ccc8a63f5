"""Runs migrations from code: no alembic.ini, no current folder, any async engine.

There are two chains: the port's own, and that of an external application if there is one. Each has a
table of its own for its revision, and neither looks at the other.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cornflow_f.database.engine import create_engine, display_url, sqlite_file
from cornflow_f.external import ExternalApplication
from cornflow_f.migration import state
from cornflow_f.migration.state import DatabaseState, RevisionError, Start
from cornflow_f.models import CORE_TABLES


def _scripts(package: Path) -> Path:
    """The wheel carries them inside the package; the repository has them beside it.

    Not imported by name: `migrations` is a common one, and the current folder may well have its own.
    """
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


SCRIPTS = _scripts(Path(__file__).resolve().parents[1])

Result = TypeVar("Result")

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


def external_heads(application: ExternalApplication) -> tuple[str, ...]:
    """The newest revisions of an external application; none if it has no migrations."""
    if application.migrations is None:
        return ()
    return tuple(ScriptDirectory.from_config(_external_config(application)).get_heads())


async def upgrade(
    url: str, revision: str = "head", external: ExternalApplication | None = None
) -> Moved:
    """Create, adopt or bring forward the database. All of it happens, or nothing does.

    Our own chain only. `external` is asked which legacy it takes over.
    """

    def run(connection: Connection) -> Moved:
        before = state.read(connection)
        config = _core_config(external)
        _on(config, connection, command.upgrade, revision)
        after = state.read(connection).ported or ()
        start = None
        if after and not before.ported:
            start = Start.ADOPT if before.legacy else Start.CREATE
        return Moved(before.ported or (), after, start)

    return await _run_locked(url, run)


async def upgrade_external(
    url: str, application: ExternalApplication, revision: str = "heads"
) -> Moved:
    """Bring the tables of an external application forward. Ours must be there."""
    return await _move(
        url, _external_config(application), application.version_table, command.upgrade, revision
    )


async def downgrade(url: str, revision: str = "-1") -> Moved:
    """Step back. The first migration drops nothing (docs/decisions/0001-two-version-tables.md)."""
    config = _core_config(None)
    return await _move(url, config, state.VERSION_TABLE, command.downgrade, revision)


async def downgrade_external(
    url: str, application: ExternalApplication, revision: str = "-1"
) -> Moved:
    """Undo migrations of an external application."""
    return await _move(
        url, _external_config(application), application.version_table, command.downgrade, revision
    )


async def write_revision(url: str, application: ExternalApplication, message: str) -> list[Path]:
    """Write a revision with what its models have and the database lacks. The files that were made."""
    config = _external_config(application)

    def run(connection: Connection) -> list[Path]:
        config.attributes["connection"] = connection
        made = command.revision(config, message, autogenerate=True)
        scripts = made if isinstance(made, list) else [made]
        return [Path(script.path) for script in scripts if script is not None]

    return await _run_locked(url, run)


async def current(url: str, external: ExternalApplication | None = None) -> DatabaseState:
    """What the database holds; with the revision of `external` instead of ours, if it is given."""
    table = state.VERSION_TABLE if external is None else external.version_table
    async with _connection(url) as connection:
        return await connection.run_sync(state.read, table)


async def check_ready(url: str, external: ExternalApplication | None = None) -> None:
    """Raises RevisionError unless a server can work on this database."""
    accepted = None if external is None else external.legacy_revision
    state.check_ready(await current(url), head_revision(), accepted)
    if external is not None:
        state.check_external_ready(
            await current(url, external),
            external.name,
            external_heads(external),
            state.columns_of(external.tables.values()),
        )


async def _move(
    url: str, config: Config, table: str, step: Callable[[Config, str], None], revision: str
) -> Moved:
    def run(connection: Connection) -> Moved:
        before = state.read(connection, table).ported or ()
        if not before and step is command.downgrade:
            raise RevisionError(
                "There is nothing to undo: no migration of this program is recorded"
            )
        _on(config, connection, step, revision)
        return Moved(before, state.read(connection, table).ported or ())

    return await _run_locked(url, run)


def _on(
    config: Config, connection: Connection, step: Callable[[Config, str], None], revision: str
) -> None:
    config.attributes["connection"] = connection
    step(config, revision)


async def _run_locked(url: str, run: Callable[[Connection], Result]) -> Result:
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


def _core_config(external: ExternalApplication | None) -> Config:
    accepted = None if external is None else external.legacy_revision
    return _config(
        version_table=state.VERSION_TABLE,
        tables=CORE_TABLES,
        accepted_legacy_revision=accepted,
    )


def _external_config(application: ExternalApplication) -> Config:
    if application.migrations is None:
        raise RevisionError(
            f"The external application '{application.name}' has no folder of migrations: "
            "give it one (`migrations=`)"
        )
    config = _config(version_table=application.version_table, tables=application.tables)
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped(application.migrations))
    return config


def _config(**attributes: Any) -> Config:
    config = Config(attributes=attributes)
    config.set_main_option("script_location", _escaped(SCRIPTS))
    return config


def _escaped(path: Path) -> str:
    # Alembic reads a single % as the start of an interpolation.
    return str(path).replace("%", "%%")


def _explain(error: CommandError) -> str:
    text = str(error)
    if "Can't locate revision" in text:
        return (
            f"{text}: the database was migrated by another version of this program, "
            "or the revision does not exist. Use that version, or name a revision of this one"
        )
    return text
