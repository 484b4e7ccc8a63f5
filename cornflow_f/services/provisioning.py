"""Users made by an operator. Source: the legacy's ``commands/users.py`` and ``cli/users.py``."""

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f import constants
from cornflow_f.errors import InvalidCredentials, InvalidUsage
from cornflow_f.models import Role, User, UserRole
from cornflow_f.security import hash_password, verify_password
from cornflow_f.validation.passwords import check_email_pattern, check_password_pattern


class ProvisioningOutcome(StrEnum):
    CREATED = "created"
    ROLE_ADDED = "role added"
    UNCHANGED = "unchanged"


async def create_user_with_role(
    session: AsyncSession, username: str, email: str, password: str, role: constants.Role
) -> ProvisioningOutcome:
    """A new user with the role, or the role for an existing one, whose password and address stay."""
    if await session.get(Role, int(role)) is None:
        raise InvalidUsage(
            f"The role {role.name.lower()} is not in the database. Run: cornflow-f permissions init"
        )
    user = await _find(session, username)
    if user is None:
        user = await _create(session, username, email, password)
        session.add(UserRole(user_id=user.id, role_id=int(role)))
        return ProvisioningOutcome.CREATED
    assigned = await session.scalar(
        select(UserRole).where(UserRole.user_id == user.id, UserRole.role_id == int(role))
    )
    if assigned is None:
        session.add(UserRole(user_id=user.id, role_id=int(role)))
        return ProvisioningOutcome.ROLE_ADDED
    if assigned.deleted_at is not None:
        # The legacy fails here on the unique key; its API gives such a role back, as we do.
        assigned.deleted_at = None
        return ProvisioningOutcome.ROLE_ADDED
    return ProvisioningOutcome.UNCHANGED


async def is_service_user(session: AsyncSession, username: str, password: str) -> bool:
    """Whether this is the name and the password of a user with the service role."""
    user = await _find(session, username)
    if user is None or not verify_password(password, user.password):
        return False
    role = await session.scalar(
        select(UserRole.id).where(
            UserRole.user_id == user.id,
            UserRole.role_id == int(constants.Role.SERVICE),
            UserRole.deleted_at.is_(None),
        )
    )
    return role is not None


async def _find(session: AsyncSession, username: str) -> User | None:
    return await session.scalar(
        select(User).where(User.username == username, User.deleted_at.is_(None))
    )


async def _create(session: AsyncSession, username: str, email: str, password: str) -> User:
    refused = check_password_pattern(password) or check_email_pattern(email)
    if refused:
        raise InvalidCredentials(refused)
    user = User(username=username, email=email, password=hash_password(password))
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        raise InvalidUsage(
            f"The user {username} can't be created: another user has the e-mail address {email}, "
            "or the name belongs to a user marked as deleted"
        ) from error
    return user
