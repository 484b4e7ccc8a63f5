"""Actions, roles, views and permissions: the port registers what the legacy registers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.config import AuthType, Settings
from cornflow_f.constants import Action as ActionNumber
from cornflow_f.constants import Role as RoleNumber
from cornflow_f.database.engine import create_engine, session_factory
from cornflow_f.errors import ConfigurationError, InvalidUsage
from cornflow_f.migration import run
from cornflow_f.models import (
    Action,
    DagPermission,
    DeployedWorkflow,
    Permission,
    Role,
    User,
    UserRole,
    View,
)
from cornflow_f.services import dag_permissions, register_access
from cornflow_f.views_table import views_for
from tests.conftest import LegacyEnv, LegacyFailedError, RunLegacy
from tests.port.schema_dump import execute, rows

WITH_ALL = Settings(CF_ALARMS_ENDPOINT="1", signup_activated=1)
VIEWS = views_for(WITH_ALL)

NATURAL_KEYS = {
    "actions": "SELECT id, name FROM actions",
    "roles": "SELECT id, name, deleted_at FROM roles",
    "api_view": "SELECT id, name, url_rule, description FROM api_view",
    "permission_view": "SELECT r.name, a.name, v.name, p.deleted_at FROM permission_view p"
    " JOIN roles r ON r.id = p.role_id JOIN actions a ON a.id = p.action_id"
    " JOIN api_view v ON v.id = p.api_view_id",
}


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[AsyncSession]:
    await run.upgrade(database_url)
    engine = create_engine(database_url)
    async with session_factory(engine)() as opened:
        yield opened
    await engine.dispose()


async def registered(session: AsyncSession) -> dict[str, set[tuple[Any, ...]]]:
    return {
        table: {tuple(row) for row in await session.execute(text(query))}
        for table, query in NATURAL_KEYS.items()
    }


@pytest.mark.legacy
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"CF_ALARMS_ENDPOINT": ""},
        {"CF_ALARMS_ENDPOINT": "0"},
        {"SIGNUP_ACTIVATED": "0"},
        {"SIGNUP_ACTIVATED": "2"},
        {"AUTH_TYPE": str(int(AuthType.LDAP))},
        {"AUTH_TYPE": str(int(AuthType.OID))},
    ],
)
async def test_the_port_registers_what_the_legacy_registers(
    environment: dict[str, str],
    sqlite_url: str,
    tmp_path: Any,
    run_legacy: RunLegacy,
    legacy_env: LegacyEnv,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    legacy_url = f"sqlite:///{tmp_path / 'legacy.db'}"
    run_legacy(
        legacy_url,
        """
        legacy_upgrade()
        from cornflow.commands import access_init_command
        access_init_command()
        """,
        **environment,
    )
    for name, value in legacy_env(sqlite_url, **environment).items():
        monkeypatch.setenv(name, value)
    await run.upgrade(sqlite_url)
    found = []
    for url in (legacy_url, sqlite_url):
        engine = create_engine(url)
        async with session_factory(engine)() as session:
            if url == sqlite_url:
                await register_access.init_access(session, views_for(Settings()))
                await session.commit()
            found.append(await registered(session))
        await engine.dispose()

    legacy, ported = found
    for table in NATURAL_KEYS:
        assert ported[table] == legacy[table], table
    assert len(legacy["permission_view"]) > 500


@pytest.mark.legacy
async def test_the_legacy_finds_nothing_left_to_register(
    sqlite_url: str, run_legacy: RunLegacy
) -> None:
    await run.upgrade(sqlite_url)
    engine = create_engine(sqlite_url)
    async with session_factory(engine)() as session:
        await register_access.init_access(session, VIEWS)
        await session.commit()
    await engine.dispose()
    before = rows(sqlite_url)

    run_legacy(sqlite_url, "from cornflow.commands import *\naccess_init_command()")

    assert rows(sqlite_url) == before


@pytest.mark.legacy
@pytest.mark.postgresql
async def test_the_legacy_itself_fails_on_postgresql(
    postgresql_url: str, run_legacy: RunLegacy
) -> None:
    """Why nothing is compared on PostgreSQL: with SQLAlchemy 2 the legacy's command stops half-way."""
    with pytest.raises(LegacyFailedError, match=r"'Engine' object has no attribute 'execute'"):
        run_legacy(
            postgresql_url,
            "legacy_upgrade()\nfrom cornflow.commands import *\naccess_init_command()",
        )


async def test_registering_twice_changes_nothing(session: AsyncSession) -> None:
    first = await register_access.init_access(session, VIEWS)
    await session.commit()
    before = await registered(session)

    second = await register_access.init_access(session, VIEWS)
    await session.commit()

    assert len(first.views.added) == len(VIEWS) == 57
    assert len(first.permissions.added) == 632
    nothing = register_access.Changes()
    assert second == register_access.AccessChanges(nothing, nothing, nothing, nothing)
    assert await registered(session) == before


async def test_the_next_row_gets_the_next_number(session: AsyncSession) -> None:
    await register_access.init_access(session, VIEWS)
    new = (Action(name="can_fly"), Role(name="pilot"), View(name="sky", url_rule="/sky/"))
    session.add_all(new)
    await session.commit()

    assert [row.id for row in new] == [6, 5, 58]


async def test_what_the_code_no_longer_has_is_deleted(session: AsyncSession) -> None:
    await register_access.init_access(session, VIEWS)
    old = View(name="old", url_rule="/old/")
    session.add(old)
    await session.flush()
    granted = (old.id, await session.scalar(select(View.id).where(View.name == "user")))
    session.add_all(
        Permission(role_id=RoleNumber.VIEWER, action_id=ActionNumber.GET, api_view_id=view)
        for view in granted
    )
    await session.commit()
    session.expunge_all()

    changes = await register_access.init_access(session, VIEWS)
    await session.commit()

    assert changes.views.deleted == ("old",)
    assert changes.permissions.deleted == (f"<Permission role: 1, action: 1, view: {granted[1]}>",)
    assert not list(await session.scalars(select(View).where(View.name == "old")))
    left = select(Permission).where(Permission.api_view_id.in_(granted), Permission.role_id == 1)
    assert not list(await session.scalars(left))


async def test_what_the_code_changed_is_updated(session: AsyncSession) -> None:
    await register_access.init_access(session, VIEWS)
    await session.execute(update(View).where(View.name == "user").values(url_rule="/people/"))
    await session.execute(update(View).where(View.name == "roles").values(description=None))
    await session.execute(delete(Permission).where(Permission.role_id == RoleNumber.SERVICE))
    await session.commit()
    session.expunge_all()

    changes = await register_access.init_access(session, VIEWS)

    assert set(changes.views.updated) == {"user", "roles"}
    assert len(changes.permissions.added) > 100
    user = (await session.scalars(select(View).where(View.name == "user"))).one()
    assert user.url_rule == "/user/"


async def test_permissions_need_the_views(session: AsyncSession) -> None:
    with pytest.raises(InvalidUsage, match="cornflow-f views init"):
        await register_access.register_permissions(session, VIEWS)


def test_an_unknown_authentication_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        views_for(Settings(auth_type=AuthType.OAUTH))


DAG_PERMISSIONS = "SELECT dag_id, user_id, deleted_at FROM permission_dag"


async def deploy(session: AsyncSession) -> None:
    """Two DAGs, and a planner, an administrator who also plans, a service user, and one dismissed."""
    await register_access.init_access(session, VIEWS)
    session.add_all([DeployedWorkflow(id="timer"), DeployedWorkflow(id="gc")])
    assignments = {"p": [2], "a": [3, 2], "s": [4], "dismissed": [3]}
    for name, roles in assignments.items():
        user = User(username=name, email=f"{name}@x.org")
        session.add(user)
        await session.flush()
        session.add_all(UserRole(user_id=user.id, role_id=role) for role in roles)
    dismissed = (await session.scalars(select(User).where(User.username == "dismissed"))).one()
    dismissed.deleted_at = dismissed.created_at
    session.add(DagPermission(dag_id="gc", user_id=1))
    await session.commit()


@pytest.mark.parametrize(("open_deployment", "missing"), [(True, 5), (False, 4)])
async def test_dag_permissions(open_deployment: bool, missing: int, session: AsyncSession) -> None:
    await deploy(session)

    assert await dag_permissions.register(session, open_deployment=open_deployment) == missing
    await session.commit()
    assert await dag_permissions.register(session, open_deployment=open_deployment) == 0

    found = {tuple(row) for row in await session.execute(text(DAG_PERMISSIONS))}
    users = (1, 2, 3) if open_deployment else (2, 3)
    assert found == {(dag, user, None) for dag in ("gc", "timer") for user in users} | {
        ("gc", 1, None)
    }


@pytest.mark.legacy
@pytest.mark.parametrize("open_deployment", [True, False])
async def test_dag_permissions_are_the_legacys(
    open_deployment: bool, sqlite_url: str, run_legacy: RunLegacy
) -> None:
    await run.upgrade(sqlite_url)
    engine = create_engine(sqlite_url)
    async with session_factory(engine)() as session:
        await deploy(session)
        await dag_permissions.register(session, open_deployment=open_deployment)
        ported = {tuple(row) for row in await session.execute(text(DAG_PERMISSIONS))}
        await session.rollback()
    await engine.dispose()

    run_legacy(
        sqlite_url,
        "from cornflow.commands import *\n"
        f"register_dag_permissions_command(open_deployment={int(open_deployment)})",
    )

    columns = {(dag, user, deleted) for _, _, deleted, _, dag, user in rows(sqlite_url)["permission_dag"]}  # fmt: skip
    assert columns == ported


async def test_a_permission_marked_as_deleted_stays_so(
    session: AsyncSession, database_url: str
) -> None:
    await register_access.init_access(session, VIEWS)
    await session.commit()
    execute(database_url, "UPDATE permission_view SET deleted_at = '2020-01-01' WHERE id = 1")
    session.expunge_all()

    assert (
        await register_access.init_access(session, VIEWS)
    ).permissions == register_access.Changes()
