"""Who may use which DAG, when the deployment is not open to all. Source: ``models/dag_permissions.py``."""

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.constants import Role
from cornflow_f.errors import InvalidData
from cornflow_f.models import DagPermission, DeployedWorkflow, User, UserRole
from cornflow_f.services import owned, persistence
from cornflow_f.services.register_access import move_sequence_on

_TRIES = 20
_ONE_AT_A_TIME = select(func.pg_advisory_xact_lock(0xDA6, 0xBE))
"""Until the transaction ends. The numbers only have to be the same everywhere."""


async def grant_all(session: AsyncSession, user_id: int) -> None:
    """Gives a new user every deployed DAG."""
    dags = await session.scalars(
        select(DeployedWorkflow.id).where(DeployedWorkflow.deleted_at.is_(None))
    )
    for dag_id in dags.all():
        row = DagPermission(dag_id=dag_id, user_id=user_id)
        subject = str(row)
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError as error:
            # Whoever deploys a workflow at this moment gives it to the new user too.
            granted = select(DagPermission.id).where(
                DagPermission.dag_id == dag_id, DagPermission.user_id == user_id
            )
            if await session.scalar(granted) is None:
                raise InvalidData(f"Integrity error on saving with data {subject}") from error
        await persistence.commit(session, "saving", subject)


async def register(session: AsyncSession, *, open_deployment: bool) -> int:
    """Gives every deployed DAG to all users, or to administrators and service users only.

    Returns how many permissions were missing; takes none away, and does not commit.
    Source: ``commands/permissions.py``, register_dag_permissions_command.
    """
    if not owned.is_sqlite(session):
        # Two that write the same rows in another order would wait for each other.
        await session.execute(_ONE_AT_A_TIME)
    for left in reversed(range(_TRIES)):
        missing = await _missing(session, open_deployment)
        try:
            async with session.begin_nested():
                session.add_all(missing)
        except IntegrityError:
            # A user or a workflow was added at this moment, and the same permissions with it.
            if not left:
                raise
        else:
            break
    await move_sequence_on(session, DagPermission)
    return len(missing)


async def _missing(session: AsyncSession, open_deployment: bool) -> list[DagPermission]:
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
    return [
        DagPermission(dag_id=dag_id, user_id=user_id)
        for user_id in await session.scalars(users)
        for dag_id in dag_ids
        if (dag_id, user_id) not in known
    ]
