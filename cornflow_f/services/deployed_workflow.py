"""The registry of workflows that the orchestrator runs. Source: ``endpoints/dag.py``, ``models/dag.py``."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.clock import database_now
from cornflow_f.database.json_text import as_text, stored
from cornflow_f.models import DeployedWorkflow
from cornflow_f.services import dag_permissions, owned, persistence

_SCHEMAS = (
    DeployedWorkflow.instance_schema,
    DeployedWorkflow.solution_schema,
    DeployedWorkflow.config_schema,
    DeployedWorkflow.instance_checks_schema,
    DeployedWorkflow.solution_checks_schema,
    DeployedWorkflow.kpis_schema,
)


_STORED = select(
    DeployedWorkflow.id, DeployedWorkflow.description, *(as_text(column) for column in _SCHEMAS)
).where(DeployedWorkflow.deleted_at.is_(None))


async def list_all(session: AsyncSession) -> list[dict[str, Any]]:
    """All workflows, their schemas as the texts that are stored."""
    return [_shown(row) for row in await session.execute(_STORED)]


def _shown(row: Any) -> dict[str, Any]:
    schemas = {column.key: stored(getattr(row, column.key)) for column in _SCHEMAS}
    return {"id": row.id, "description": row.description, **schemas}


async def create(
    session: AsyncSession, values: Mapping[str, Any], *, open_deployment: bool
) -> dict[str, Any]:
    """A new workflow, which those users may use who may use all; shown as it is stored."""
    workflow = DeployedWorkflow(**values)
    await persistence.save(session, workflow)
    await _grant(session, open_deployment)
    # parity: the legacy reads the row again (models/meta_models.py, save): SQLite makes 1 of 1.0
    return _shown((await session.execute(_STORED.where(DeployedWorkflow.id == values["id"]))).one())


async def edit(
    session: AsyncSession, idx: str, values: Mapping[str, Any], *, open_deployment: bool
) -> None:
    statement = select(DeployedWorkflow.id).where(
        DeployedWorkflow.id == idx, DeployedWorkflow.deleted_at.is_(None)
    )
    await owned.rows_of(session, idx, statement)
    change = (
        update(DeployedWorkflow)
        .where(DeployedWorkflow.id == idx)
        .values(**values, updated_at=database_now())
    )
    await persistence.execute(session, "updating", f"<DAG {idx}>", change)
    await _grant(session, open_deployment)


async def _grant(session: AsyncSession, open_deployment: bool) -> None:
    await dag_permissions.register(session, open_deployment=open_deployment)
    await persistence.commit(session, "saving", "<DAG permissions>")
