"""Assignments of roles to users. Source: the legacy's ``endpoints/user_role.py``."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from cornflow_f.database.clock import database_now
from cornflow_f.errors import AlreadyExists, InvalidUsage, NotFound
from cornflow_f.identity import CurrentUser
from cornflow_f.models import UserRole
from cornflow_f.services import persistence
from cornflow_f.validation.marshmallow import MISSING


def _assignments() -> Select[UserRole]:
    return select(UserRole).options(joinedload(UserRole.user), joinedload(UserRole.role))


async def list_visible(session: AsyncSession, asking: CurrentUser) -> Sequence[UserRole]:
    """Administrators see all assignments, others their own."""
    statement = _assignments().where(UserRole.deleted_at.is_(None))
    if not asking.is_admin:
        statement = statement.where(UserRole.user_id == asking.id)
    return (await session.scalars(statement)).all()


async def _find(session: AsyncSession, user_id: int, role_id: int) -> UserRole | None:
    """Deleted ones included."""
    statement = _assignments().where(UserRole.user_id == user_id, UserRole.role_id == role_id)
    if not 0 <= user_id <= persistence.LARGEST_ID or not 0 <= role_id <= persistence.LARGEST_ID:
        return None
    return (await session.scalars(statement.limit(1))).first()


async def get(session: AsyncSession, user_id: int, role_id: int) -> UserRole:
    assignment = await _find(session, user_id, role_id)
    if assignment is None or assignment.deleted_at is not None:
        # legacy-5xx: the legacy fails when an assignment that is not there is read.
        raise NotFound
    return assignment


def required_ids(values: Mapping[str, int]) -> tuple[int, int]:
    """User and role. The legacy fails with a 500 when one is missing; said as its validation would."""
    missing = {name: [MISSING] for name in ("user_id", "role_id") if name not in values}
    if missing:
        raise InvalidUsage(str({"json": missing}))
    return values["user_id"], values["role_id"]


async def assign(session: AsyncSession, user_id: int, role_id: int) -> tuple[UserRole, bool]:
    """The assignment, and whether it is new: one that was marked as deleted comes back to life."""
    existing = await _find(session, user_id, role_id)
    if existing is None:
        await persistence.save(session, UserRole(user_id=user_id, role_id=role_id))
        return await get(session, user_id, role_id), True
    if existing.deleted_at is None:
        raise AlreadyExists
    existing.deleted_at = None
    existing.updated_at = database_now()
    await persistence.commit(session, "activating", f"{user_id} has role {role_id}")
    return existing, False


async def remove(session: AsyncSession, user_id: int, role_id: int) -> None:
    await persistence.delete(session, await get(session, user_id, role_id))
