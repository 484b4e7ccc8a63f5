"""Permissions. Source: the legacy's ``endpoints/permission.py``."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from cornflow_f.errors import AlreadyExists, NotFound
from cornflow_f.models import Permission
from cornflow_f.services import persistence


def _permissions() -> Select[Permission]:
    # parity: the names come by statements of their own, so that the rows keep the order in which the
    # legacy reads them; PostgreSQL reorders what it joins
    return (
        select(Permission)
        .options(
            selectinload(Permission.action),
            selectinload(Permission.api_view),
            selectinload(Permission.role),
        )
        .where(Permission.deleted_at.is_(None))
    )


async def list_all(session: AsyncSession) -> Sequence[Permission]:
    return (await session.scalars(_permissions())).all()


async def get(session: AsyncSession, idx: int) -> Permission:
    if idx > persistence.LARGEST_ID:
        raise NotFound
    permission = (await session.scalars(_permissions().where(Permission.id == idx))).first()
    if permission is None:
        raise NotFound
    return permission


async def create(session: AsyncSession, values: dict[str, Any]) -> Permission:
    """AlreadyExists when the same is granted already."""
    names = ("action_id", "api_view_id", "role_id")
    wanted = {name: values.get(name) for name in names}
    same = select(Permission.id).filter_by(deleted_at=None, **wanted).limit(1)
    if (
        all(
            -persistence.LARGEST_ID <= (value or 0) <= persistence.LARGEST_ID
            for value in wanted.values()
        )
        and (await session.scalars(same)).first()
    ):
        raise AlreadyExists
    permission = Permission(**wanted)
    await persistence.save(session, permission)
    return await get(session, permission.id)


async def edit(session: AsyncSession, idx: int, values: dict[str, Any]) -> None:
    await persistence.update(session, await get(session, idx), values)


async def remove(session: AsyncSession, idx: int) -> None:
    await persistence.delete(session, await get(session, idx))
