"""The schema the port builds is the schema the legacy's own migrations build, on both databases."""

import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from cornflow_f.migration import run
from cornflow_f.models import Base
from tests.conftest import RunLegacy
from tests.port import schema_dump

TABLES = 13


@pytest.fixture
def other_url(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A second fresh database of the same kind."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"test_{uuid.uuid4().hex[:12]}"
    server.psql(f"CREATE DATABASE {name};")
    yield server.get_uri(name)
    server.psql(f"DROP DATABASE {name} WITH (FORCE);")


@pytest.mark.legacy
async def test_the_port_builds_the_legacys_schema(
    database_url: str, other_url: str, run_legacy: RunLegacy
) -> None:
    run_legacy(other_url, "legacy_upgrade()")
    await run.upgrade(database_url)

    legacy, ported = schema_dump.schema(other_url), schema_dump.schema(database_url)
    assert set(ported) == set(legacy)
    for name in legacy:
        assert ported[name] == legacy[name], name
    assert len([name for name in legacy if not name.startswith("(")]) == TABLES + 1


@pytest.mark.legacy
async def test_the_order_of_the_columns_is_the_legacys(
    database_url: str, other_url: str, run_legacy: RunLegacy
) -> None:
    run_legacy(other_url, "legacy_upgrade()")
    await run.upgrade(database_url)

    legacy, ported = schema_dump.schema(other_url), schema_dump.schema(database_url)
    for name in Base.metadata.tables:
        assert list(ported[name]["columns"]) == list(legacy[name]["columns"]), name


async def test_the_models_are_what_the_migrations_build(database_url: str) -> None:
    await run.upgrade(database_url)

    engine = create_engine(schema_dump.sync_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: (
                    kind != "table" or name in Base.metadata.tables
                ),
            },
        )
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()

    assert differences == []
    assert len(Base.metadata.tables) == TABLES


@pytest.mark.legacy
async def test_the_models_name_unique_constraints_as_the_database_does(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Alembic does not compare unnamed constraints, so look at what the models alone would create."""
    await run.upgrade(sqlite_url)
    alone = f"sqlite:///{tmp_path / 'models.db'}"
    engine = create_engine(alone)
    Base.metadata.create_all(engine)
    engine.dispose()

    migrated, models = schema_dump.schema(sqlite_url), schema_dump.schema(alone)
    for name in Base.metadata.tables:
        assert models[name] == migrated[name], name


async def test_sqlite_is_opened_for_many_processes(sqlite_url: str, tmp_path: Path) -> None:
    await run.upgrade(sqlite_url)

    with sqlite3.connect(tmp_path / "cornflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE executions ALTER COLUMN state DROP DEFAULT",
        "ALTER TABLE cases ALTER COLUMN path TYPE varchar(501)",
        "ALTER TABLE users ALTER COLUMN email DROP NOT NULL",
        "ALTER TABLE users RENAME CONSTRAINT c_unique_users_username TO users_username_key",
        "ALTER TABLE deployed_workflows RENAME CONSTRAINT deployed_dags_pkey TO deployed_workflows_pkey",
        "ALTER TABLE main_alarms DROP CONSTRAINT main_alarms_id_alarm_fkey",
        "DROP INDEX ix_cases_path",
        "ALTER SEQUENCE users_id_seq INCREMENT BY 2",
    ],
)
async def test_the_comparison_sees(change: str, postgresql_url: str) -> None:
    await run.upgrade(postgresql_url)
    before = schema_dump.schema(postgresql_url)

    schema_dump.execute(postgresql_url, change)

    assert schema_dump.schema(postgresql_url) != before
