"""Users: creation, edition, deletion, administrators. Source: ``endpoints/user.py`` and ``models/user.py``."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.config import AuthType
from cornflow_f.constants import Role
from cornflow_f.database.clock import database_now
from cornflow_f.errors import (
    EndpointNotImplemented,
    InvalidCredentials,
    InvalidUsage,
    NoPermission,
)
from cornflow_f.identity import CurrentUser
from cornflow_f.models import User, UserRole
from cornflow_f.security import hash_password
from cornflow_f.services import persistence
from cornflow_f.validation.passwords import check_email_pattern, check_password_pattern

_PROVIDER = {AuthType.LDAP: "LDAP server", AuthType.OID: "the OID provider"}


async def list_all(session: AsyncSession) -> Sequence[User]:
    return (await session.scalars(select(User).where(User.deleted_at.is_(None)))).all()


async def find_by_username(session: AsyncSession, username: str | None) -> User | None:
    statement = select(User).where(User.username == username, User.deleted_at.is_(None))
    return (await session.scalars(statement.limit(1))).first()


async def find_by_email(session: AsyncSession, email: str) -> User | None:
    statement = select(User).where(User.email == email, User.deleted_at.is_(None))
    return (await session.scalars(statement.limit(1))).first()


async def is_taken(session: AsyncSession, column: Any, value: str) -> bool:
    """Whether any user, deleted ones included, has this value."""
    return (
        await session.scalars(select(User.id).where(column == value).limit(1))
    ).first() is not None


async def build(values: dict[str, Any]) -> User:
    """A user that is not saved yet, with the password hashed. InvalidCredentials when a rule is broken."""
    password = values.get("password")
    if problem := check_password_pattern(password):
        raise InvalidCredentials(problem)
    hashed = None if password is None else await asyncio.to_thread(hash_password, password)
    email = values.get("email")
    if problem := check_email_pattern(email):
        raise InvalidCredentials(problem)
    now = database_now()
    return User(
        first_name=values.get("first_name"),
        last_name=values.get("last_name"),
        username=values.get("username"),
        email=email,
        password=hashed,
        pwd_last_change=now,
        created_at=now,
        updated_at=now,
    )


def refuse_others(asking: CurrentUser, user_id: int) -> None:
    """Users act on themselves, administrators on all."""
    if asking.id != user_id and not asking.is_admin:
        raise NoPermission(log=f"{asking} may not act on user {user_id}")


async def detail(session: AsyncSession, asking: CurrentUser, user_id: int) -> User:
    if asking.id != user_id and not asking.is_admin:
        # parity: 400 here, where edition and deletion answer 403 (endpoints/user.py)
        raise InvalidUsage("You have no permission to access given user")
    return await persistence.get(session, User, user_id)


async def edit(
    session: AsyncSession,
    asking: CurrentUser,
    user_id: int,
    values: dict[str, Any],
    auth_type: AuthType,
) -> None:
    refuse_others(asking, user_id)
    user = await persistence.get(session, User, user_id)
    if user.password is None and auth_type in _PROVIDER:
        raise EndpointNotImplemented(f"To edit a user, go to {_PROVIDER[auth_type]}")
    if "password" in values and (problem := check_password_pattern(values["password"])):
        raise InvalidCredentials(problem)
    if "email" in values and (problem := check_email_pattern(values["email"])):
        raise InvalidCredentials(problem)
    await save_changes(session, user, values)


async def save_changes(session: AsyncSession, user: User, values: dict[str, Any]) -> None:
    """Updates a user; a new password is hashed and its time noted."""
    changes = dict(values)
    if changes.get("password"):
        changes["password"] = await asyncio.to_thread(hash_password, changes["password"])
        changes["pwd_last_change"] = database_now()
    await persistence.update(session, user, changes)


async def remove(session: AsyncSession, asking: CurrentUser, user_id: int) -> None:
    refuse_others(asking, user_id)
    user = await persistence.get(session, User, user_id)
    if await has_role(session, user_id, Role.SERVICE):
        raise NoPermission(log=f"{user} is a service user and can't be deleted")
    await persistence.delete(session, user)


async def has_role(session: AsyncSession, user_id: int, role: Role) -> bool:
    statement = select(UserRole.id).where(
        UserRole.user_id == user_id, UserRole.role_id == role.value, UserRole.deleted_at.is_(None)
    )
    return (await session.scalars(statement.limit(1))).first() is not None


async def set_admin(session: AsyncSession, user_id: int, *, admin: bool) -> User:
    """Gives or takes the administrator's role. Giving it twice is an error, taking it twice is not."""
    user = await persistence.get(session, User, user_id)
    if admin:
        await persistence.save(session, UserRole(user_id=user_id, role_id=Role.ADMIN.value))
    else:
        await session.execute(
            delete_rows(UserRole).where(
                UserRole.user_id == user_id, UserRole.role_id == Role.ADMIN.value
            )
        )
        await session.commit()
    return user
