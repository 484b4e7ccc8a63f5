"""Log-in against the database, sign-up. Source: ``endpoints/login.py`` and ``endpoints/signup.py``."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.config import Settings
from cornflow_f.database.clock import utcnow
from cornflow_f.errors import InvalidCredentials
from cornflow_f.models import User, UserRole
from cornflow_f.security import create_token, verify_password
from cornflow_f.services import dag_permissions, persistence
from cornflow_f.services import user as user_service


def token_for(user: User, settings: Settings) -> str:
    return create_token(settings.secret_key or "", user.username, settings.token_duration)


async def authenticate(session: AsyncSession, username: str, password: str) -> User:
    """The user with this name and password. InvalidCredentials does not say which is wrong."""
    user = await user_service.find_by_username(session, username)
    if user is None:
        raise InvalidCredentials
    if not await asyncio.to_thread(verify_password, password, user.password):
        raise InvalidCredentials
    return user


def password_is_old(user: User, settings: Settings) -> bool:
    if user.pwd_last_change is None:
        return False
    return user.pwd_last_change + timedelta(days=settings.pwd_rotation_time) < utcnow()


async def sign_up(session: AsyncSession, values: dict[str, Any], settings: Settings) -> User:
    """A new user with the default role, and with access to every DAG in an open deployment."""
    user = await user_service.build(values)
    if await user_service.is_taken(session, User.username, user.username):
        raise InvalidCredentials("Username already in use, please supply another username")
    if await user_service.is_taken(session, User.email, user.email):
        raise InvalidCredentials("Email already in use, please supply another email address")
    await persistence.save(session, user)
    # parity: the user stays when the role can't be given (endpoints/signup.py, sign_up)
    await persistence.save(session, UserRole(user_id=user.id, role_id=settings.default_role))
    if settings.open_deployment == 1:
        await dag_permissions.grant_all(session, user.id)
    return user
