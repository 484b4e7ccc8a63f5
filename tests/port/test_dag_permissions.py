"""Users and workflows that are added at the same moment: both want to write the same permissions."""

import asyncio

import pytest
from sqlalchemy import text

from cornflow_f.config import Settings
from cornflow_f.constants import Role
from cornflow_f.database.engine import create_engine, session_factory
from cornflow_f.migration import run
from cornflow_f.models import DeployedWorkflow
from cornflow_f.services import dag_permissions, provisioning, register_access
from cornflow_f.views_table import views_for


@pytest.mark.postgresql
async def test_workflows_deployed_at_once_give_each_permission_once(postgresql_url: str) -> None:
    await run.upgrade(postgresql_url, "head", None)
    engine = create_engine(postgresql_url)
    sessions = session_factory(engine)
    settings = Settings(database_url=postgresql_url, secret_key="x" * 32)
    async with sessions() as session, session.begin():
        await register_access.init_access(session, views_for(settings))
    async with sessions() as session, session.begin():
        for number in range(5):
            name = f"user{number}"
            await provisioning.create_user_with_role(
                session, name, f"{name}@example.org", "Secret-pw1!", Role.PLANNER
            )

    async def deploy(number: int) -> None:
        async with sessions() as session:
            session.add(DeployedWorkflow(id=f"flow{number}", description="d"))
            await session.commit()
            await dag_permissions.register(session, open_deployment=True)
            # the others come in between
            await asyncio.sleep(0.05)
            await session.commit()

    async def sign_up(user_id: int) -> None:
        async with sessions() as session:
            await dag_permissions.grant_all(session, user_id)

    try:
        await asyncio.gather(*map(deploy, range(8)), *map(sign_up, range(1, 6)))
        async with sessions() as session:
            counted = await session.execute(
                text("SELECT count(*), count(DISTINCT (dag_id, user_id)) FROM permission_dag")
            )
            assert tuple(counted.one()) == (40, 40)
    finally:
        await engine.dispose()
