"""Roles. Source: the legacy's ``endpoints/roles.py``."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.config import AuthType
from cornflow_f.errors import EndpointNotImplemented
from cornflow_f.models import Role
from cornflow_f.services import persistence


def refuse_in_directory(auth_type: AuthType, what: str) -> None:
    """With LDAP, roles and their assignments are kept in the directory."""
    if auth_type is AuthType.LDAP:
        raise EndpointNotImplemented(what)


async def list_all(session: AsyncSession) -> Sequence[Role]:
    return (await session.scalars(select(Role).where(Role.deleted_at.is_(None)))).all()


async def create(session: AsyncSession, values: dict[str, Any]) -> Role:
    role = Role(name=values.get("name"))
    await persistence.save(session, role)
    return role


async def edit(session: AsyncSession, idx: int, values: dict[str, Any]) -> None:
    await persistence.update(session, await persistence.get(session, Role, idx), values)
