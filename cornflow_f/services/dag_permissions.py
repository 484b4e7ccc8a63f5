"""Who may use which DAG, when the deployment is not open to all. Source: ``models/dag_permissions.py``."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.models import DagPermission, DeployedWorkflow
from cornflow_f.services import persistence


async def grant_all(session: AsyncSession, user_id: int) -> None:
    """Gives a new user every deployed DAG."""
    dags = await session.scalars(
        select(DeployedWorkflow.id).where(DeployedWorkflow.deleted_at.is_(None))
    )
    for dag_id in dags.all():
        await persistence.save(session, DagPermission(dag_id=dag_id, user_id=user_id))
