"""Both chains of migrations in one database: created, adopted, refused, undone; and both stacks on it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import inspect, select, text

from cornflow_f.database.engine import create_engine, session_factory
from cornflow_f.migration import run
from cornflow_f.migration.state import (
    LEGACY_HEAD,
    LEGACY_REVISIONS,
    DatabaseState,
    RevisionError,
    Start,
    decide_start,
)
from cornflow_f.models import Case, DeployedWorkflow, Execution, Instance, Role, User, UserRole
from cornflow_f.models.base import hash_json
from cornflow_f.security import hash_password, verify_password
from tests.conftest import RunLegacy
from tests.port.schema_dump import execute, rows, schema

PASSWORD = "Secret-pw1!"

LEGACY_ROWS = """
from cornflow.models import *
from cornflow.shared import db
RoleModel({"id": 3, "name": "admin"}).save()
user = UserModel({"username": "ana", "email": "ana@cornflow.org", "password": "Secret-pw1!"})
user.save()
UserRoleModel({"user_id": user.id, "role_id": 3}).save()
DeployedWorkflow({"id": "timer", "instance_schema": {"type": "object"}}).save()
PermissionsDAG({"dag_id": "timer", "user_id": user.id}).save()
data = {"user_id": user.id, "name": "é", "data": {"b": [1, 2.5, None], "a": "ñ"}, "schema": "timer"}
instance = InstanceModel(data)
instance.save()
ExecutionModel({**data, "instance_id": instance.id, "config": {"solver": "x"}}).save()
CaseModel(data).save()
alarm = AlarmsModel({"name": "a", "criticality": 1.5, "description": "d"})
alarm.save()
MainAlarmsModel({"id_alarm": alarm.id, "criticality": 2, "message": "m"}).save()
"""


def legacy_log_in(username: str) -> str:
    """Code for the legacy: the status and the body's keys of a login, through its own endpoint."""
    return f"""
reply = app.test_client().post("/login/", json={{"username": "{username}", "password": "{PASSWORD}"}})
answer([reply.status_code, sorted(reply.json)])
"""


async def add_user(url: str, username: str) -> None:
    engine = create_engine(url)
    async with session_factory(engine)() as session:
        if await session.get(Role, 3) is None:
            session.add(Role(id=3, name="admin"))
        user = User(
            username=username,
            email=f"{username}@cornflow.org",
            password=hash_password(PASSWORD),
        )
        session.add(user)
        await session.flush()
        session.add(UserRole(user_id=user.id, role_id=3))
        await session.commit()
    await engine.dispose()


async def test_an_empty_database_is_created_at_both_heads(database_url: str) -> None:
    moved = await run.upgrade(database_url)

    assert moved.start is Start.CREATE
    found = await run.current(database_url)
    assert found.legacy == (LEGACY_HEAD,)
    assert found.ported == (run.head_revision(),)
    await run.check_ready(database_url)
    assert (await run.upgrade(database_url)).start is None


@pytest.mark.legacy
def test_we_know_the_legacys_revisions(run_legacy: RunLegacy, sqlite_url: str) -> None:
    code = """
    from alembic.script import ScriptDirectory
    answer([revision.revision for revision in ScriptDirectory(MIGRATIONS).walk_revisions()])
    """
    assert tuple(reversed(run_legacy(sqlite_url, code))) == LEGACY_REVISIONS


@pytest.mark.legacy
async def test_the_legacys_upgrade_finds_nothing_to_do(
    database_url: str, run_legacy: RunLegacy
) -> None:
    await run.upgrade(database_url)
    before = schema(database_url, ignore=set()), rows(database_url)

    run_legacy(database_url, "legacy_upgrade()")

    assert (schema(database_url, ignore=set()), rows(database_url)) == before


@pytest.mark.legacy
async def test_a_legacy_database_is_adopted_without_a_change(
    database_url: str, run_legacy: RunLegacy
) -> None:
    run_legacy(database_url, "legacy_upgrade()" + LEGACY_ROWS)
    before = schema(database_url), rows(database_url)
    assert all(before[1].get(name) for name in ("users", "executions", "cases", "main_alarms"))

    moved = await run.upgrade(database_url)

    assert moved.start is Start.ADOPT
    assert (schema(database_url), rows(database_url)) == before
    await run.check_ready(database_url)
    run_legacy(database_url, "legacy_upgrade()")
    assert (schema(database_url), rows(database_url)) == before


@pytest.mark.legacy
async def test_the_legacy_can_step_back_and_forth_in_an_adopted_database(
    sqlite_url: str, run_legacy: RunLegacy
) -> None:
    await run.upgrade(sqlite_url)
    run_legacy(
        sqlite_url,
        "from flask_migrate import downgrade\ndowngrade(directory=MIGRATIONS, revision='-1')",
    )
    with pytest.raises(RevisionError, match="9cacf194fa1c, 1 before its head"):
        await run.check_ready(sqlite_url)

    run_legacy(sqlite_url, "legacy_upgrade()")

    await run.check_ready(sqlite_url)


@pytest.mark.legacy
async def test_both_stacks_log_in_each_others_users(
    database_url: str, run_legacy: RunLegacy
) -> None:
    await run.upgrade(database_url)
    await add_user(database_url, "made-by-the-port")
    status = run_legacy(database_url, legacy_log_in("made-by-the-port"))
    assert status == [200, ["change_password", "id", "token"]]

    run_legacy(
        database_url,
        f"""
        from cornflow.models import UserModel
        UserModel({{"username": "legacys", "email": "b@cornflow.org", "password": "{PASSWORD}"}}).save()
        """,
    )
    engine = create_engine(database_url)
    async with session_factory(engine)() as session:
        user = (await session.scalars(select(User).where(User.username == "legacys"))).one()
        assert verify_password(PASSWORD, user.password)
        assert not verify_password(PASSWORD + "x", user.password)
        assert user.id > 1
    await engine.dispose()


@pytest.mark.legacy
async def test_the_port_writes_the_rows_the_legacy_writes(
    database_url: str, run_legacy: RunLegacy
) -> None:
    """Same JSON null, same hashes and same ids for the same time, in both stacks' constructors."""
    await run.upgrade(database_url)
    await add_user(database_url, "ana")
    engine = create_engine(database_url)
    values = {"user_id": 1, "name": "n", "data": {"b": [1, None], "a": "ñ"}, "schema": "timer"}
    async with session_factory(engine)() as session:
        instance = Instance(**values)
        session.add(instance)
        await session.flush()
        session.add(Execution(**values, instance_id=instance.id, config={"solver": "x"}))
        session.add(Instance(user_id=1, name="empty"))
        session.add(Case(user_id=1, name="empty"))
        session.add(DeployedWorkflow(id="ported"))
        await session.commit()
        stored = await session.execute(
            text("SELECT name, CAST(data AS TEXT) AS data FROM instances")
        )
        texts = {row.name: row.data for row in stored}
    await engine.dispose()
    assert texts["empty"] == "null"
    assert texts["n"] == '{"b": [1, null], "a": "\\u00f1"}'

    legacy = run_legacy(
        database_url,
        """
        import hashlib
        from datetime import timezone
        from sqlalchemy import text
        from cornflow.models import *
        from cornflow.shared import db
        CaseModel({"user_id": 1, "name": "legacys"}).save()
        DeployedWorkflow({"id": "legacys"}).save()
        InstanceModel({"user_id": 1, "name": "legacys"}).save()
        def sha(row, *parts):
            aware = row.created_at.replace(tzinfo=timezone.utc)
            return hashlib.sha1(" ".join(map(str, (aware, *parts))).encode()).hexdigest()
        made = InstanceModel.query.filter_by(name="n").one()
        run = ExecutionModel.query.filter_by(name="n").one()
        def columns(table, row):
            found = db.session.execute(text(f"SELECT * FROM {table} WHERE {row}")).mappings().one()
            return {k: str(v) for k, v in found.items() if k not in ("created_at", "updated_at")}
        answer({
            "instance": [made.id, sha(made, 1), made.data_hash, InstanceModel(dict(data=made.data)).data_hash],
            "execution": [run.id, sha(run, 1, made.id), run.state, run.state_message, run.config],
            "cases": [columns("cases", f"name = '{name}'") for name in ("empty", "legacys")],
            "workflows": [columns("deployed_workflows", f"id = '{name}'") for name in ("ported", "legacys")],
            "instances": [columns("instances", f"name = '{name}'") for name in ("empty", "legacys")],
        })
        """,
    )
    ported_id, legacy_id, ported_hash, legacy_hash = legacy["instance"]
    assert ported_id == legacy_id
    assert ported_hash == legacy_hash == hash_json(values["data"])
    assert legacy["execution"][0] == legacy["execution"][1]
    assert legacy["execution"][2:] == [0, "The execution is currently running.", {"solver": "x"}]
    for table in ("cases", "workflows", "instances"):
        ported, original = legacy[table]
        differing = {name for name in original if ported[name] != original[name]}
        assert differing <= {"id", "name"}, table


@pytest.mark.legacy
@pytest.mark.parametrize("revision", ["e1a50dae1ac9", "9cacf194fa1c"])
async def test_an_older_legacy_database_is_refused(
    revision: str, sqlite_url: str, run_legacy: RunLegacy
) -> None:
    run_legacy(sqlite_url, f"legacy_upgrade('{revision}')")
    before = schema(sqlite_url, ignore=set())

    with pytest.raises(RevisionError, match="Run the legacy's own upgrade first"):
        await run.upgrade(sqlite_url)

    assert schema(sqlite_url, ignore=set()) == before


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TABLE users (id INTEGER)"], "but no migration of the legacy is recorded"),
        (
            [
                "CREATE TABLE alembic_version (version_num VARCHAR(32))",
                "INSERT INTO alembic_version VALUES ('abcdef012345')",
            ],
            "not one of Cornflow 1.3.9's",
        ),
        (
            [
                "CREATE TABLE alembic_version (version_num VARCHAR(32))",
                f"INSERT INTO alembic_version VALUES ('{LEGACY_HEAD}')",
                "CREATE TABLE users (id INTEGER)",
            ],
            "lacks .*users.username",
        ),
    ],
)
async def test_a_half_made_database_is_refused(
    statements: list[str], words: str, database_url: str
) -> None:
    execute(database_url, *statements)
    before = schema(database_url, ignore=set())

    with pytest.raises(RevisionError, match=words):
        await run.upgrade(database_url)

    assert schema(database_url, ignore=set()) == before


async def test_other_tables_in_the_database_do_no_harm(database_url: str) -> None:
    execute(database_url, "CREATE TABLE of_another_program (id INTEGER)")
    assert (await run.upgrade(database_url)).start is Start.CREATE


async def test_undoing_the_first_migration_keeps_the_data(database_url: str) -> None:
    await run.upgrade(database_url)
    await add_user(database_url, "ana")
    before = schema(database_url), rows(database_url)

    await run.downgrade(database_url)

    assert (schema(database_url), rows(database_url)) == before
    with pytest.raises(RevisionError, match="cornflow-f migrations upgrade"):
        await run.check_ready(database_url)
    assert (await run.upgrade(database_url)).start is Start.ADOPT
    assert (schema(database_url), rows(database_url)) == before


@pytest.mark.parametrize("step", [run.downgrade, run.check_ready])
async def test_an_empty_database_has_nothing_to_undo_or_serve(
    step: Callable[[str], Awaitable[object]], database_url: str
) -> None:
    with pytest.raises(RevisionError):
        await step(database_url)


async def test_a_newer_revision_of_our_own_is_refused(database_url: str) -> None:
    await run.upgrade(database_url)
    execute(database_url, "UPDATE cornflow_f_version SET version_num = '9999_future'")
    with pytest.raises(RevisionError, match="another version of this program"):
        await run.upgrade(database_url)
    with pytest.raises(RevisionError, match="9999_future"):
        await run.check_ready(database_url)


async def test_two_migrations_at_once_are_one(database_url: str) -> None:
    moved = await asyncio.gather(*(run.upgrade(database_url) for _ in range(4)))

    assert sorted(str(each.start) for each in moved) == ["None", "None", "None", "created"]


async def test_a_failing_migration_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power failure")

    monkeypatch.setattr("cornflow_f.migration.run.Moved", fail)
    with pytest.raises(RuntimeError):
        await run.upgrade(database_url)

    engine = create_engine(database_url)
    async with engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await engine.dispose()
    assert names == []


def test_a_merged_legacy_history_is_refused() -> None:
    found = DatabaseState(columns={}, legacy=("a", "b"), ported=None)
    with pytest.raises(RevisionError, match="several revisions"):
        decide_start(found, {})
