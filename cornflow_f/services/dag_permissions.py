"""Who may use which DAG, when the deployment is not open to all. Source: ``models/dag_permissions.py``."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.constants import Role
from cornflow_f.models import DagPermission, DeployedWorkflow, User, UserRole
from cornflow_f.services import persistence
from cornflow_f.services.access import move_sequence_on


async def grant_all(session: AsyncSession, user_id: int) -> None:
    """Gives a new user every deployed DAG."""
    dags = await session.scalars(
        select(DeployedWorkflow.id).where(DeployedWorkflow.deleted_at.is_(None))
    )
    for dag_id in dags.all():
        await persistence.save(session, DagPermission(dag_id=dag_id, user_id=user_id))


async def register(session: AsyncSession, *, open_deployment: bool) -> int:
    """Gives every deployed DAG to all users, or to administrators and service users only.

    Returns how many permissions were missing; takes none away, and does not commit.
    Source: ``commands/permissions.py``, register_dag_permissions_command.
    """
    # Rows marked as deleted still hold the unique key.
    keys = await session.execute(select(DagPermission.dag_id, DagPermission.user_id))
    known = {(dag_id, user_id) for dag_id, user_id in keys}
    dags = await session.scalars(
        select(DeployedWorkflow.id).where(DeployedWorkflow.deleted_at.is_(None))
    )
    users = select(User.id).where(User.deleted_at.is_(None)).order_by(User.id)
    if not open_deployment:
        users = users.where(
            User.id.in_(
                select(UserRole.user_id).where(
                    UserRole.role_id.in_((int(Role.ADMIN), int(Role.SERVICE))),
                    UserRole.deleted_at.is_(None),
                )
            )
        )
    dag_ids = dags.all()
    missing = [
        DagPermission(dag_id=dag_id, user_id=user_id)
        for user_id in await session.scalars(users)
        for dag_id in dag_ids
        if (dag_id, user_id) not in known
    ]
    session.add_all(missing)
    await session.flush()
    await move_sequence_on(session, DagPermission)
    return len(missing)
