"""Whether a user may use a deployed workflow. Source: ``models/dag_permissions.py``."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.models import DagPermission


async def may_use(session: AsyncSession, user_id: int, dag_id: str) -> bool:
    if "\x00" in dag_id:
        return False
    # parity: a permission marked as deleted counts (check_if_has_permissions)
    statement = select(DagPermission.id).where(
        DagPermission.user_id == user_id, DagPermission.dag_id == dag_id
    )
    return (await session.scalars(statement.limit(1))).first() is not None
