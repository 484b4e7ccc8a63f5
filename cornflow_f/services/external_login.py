"""Log-in of users whom an LDAP directory or an OpenID provider knows. Source: ``endpoints/login.py``.

Who comes for the first time becomes a user here, without a password.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.config import Settings
from cornflow_f.constants import Role
from cornflow_f.errors import InvalidData, InvalidUsage
from cornflow_f.models import User, UserRole
from cornflow_f.services import dag_permissions, persistence
from cornflow_f.services import login as login_service
from cornflow_f.services import user as user_service
from cornflow_f.services.ldap import DirectoryEntry


async def admit_entry(session: AsyncSession, username: str, entry: DirectoryEntry) -> User:
    """The user of an entry in the directory, with the roles that the directory gives."""
    user = await user_service.find_by_username(session, username)
    if user is None:
        user = await user_service.build({"username": username, "email": entry.email or ""})
        await persistence.save(session, user)
    if entry.roles:
        # parity: who is in no group that counts keeps the roles of before: the legacy deletes them
        # and never commits (endpoints/login.py, auth_ldap_authenticate)
        await session.execute(delete_rows(UserRole).where(UserRole.user_id == user.id))
    for role in entry.roles:
        await persistence.save(session, UserRole(user_id=user.id, role_id=role))
    return user


async def admit_claims(
    session: AsyncSession, claims: Mapping[str, Any], settings: Settings
) -> User:
    """The user that verified claims name; a new one gets the default role."""
    username = claims.get("sub")
    user = await user_service.find_by_username(session, username)
    if user is not None:
        return user
    user = await user_service.build(_profile(username, claims))
    await persistence.save(session, user)
    # parity: the user stays when the role can't be given (endpoints/login.py, auth_oid_authenticate)
    await persistence.save(session, UserRole(user_id=user.id, role_id=settings.default_role))
    if settings.open_deployment == 1:
        await dag_permissions.grant_all(session, user.id)
    return user


def _profile(username: str | None, claims: Mapping[str, Any]) -> dict[str, Any]:
    """A user's values; the names come from the e-mail address when the claims have none."""
    email = claims.get("email", f"{username}@cornflow.org")
    if not isinstance(email, str):
        # legacy-5xx: the legacy fails. No text is an address, and is told so by the check of addresses.
        email = ""
    first, dot, rest = email.split("@")[0].partition(".")
    names = {
        "first_name": claims.get("given_name", first),
        "last_name": claims.get("family_name", rest.split(".")[0] if dot else ""),
    }
    for name, value in names.items():
        if isinstance(value, (int, float)):
            names[name] = str(value)
        elif value is not None and not isinstance(value, str):
            raise InvalidData(
                f"Unknown database error on saving with data <Username {username}>",
                log=f"{name} of {username} is not text",
            )
    return {"username": username, "email": email, **names}


async def authenticate_service_user(
    session: AsyncSession, username: str, password: str, settings: Settings
) -> User:
    """With an OpenID provider only a service user has a password that counts, if it is allowed at all."""
    if not settings.service_user_allow_password_login:
        raise InvalidUsage(
            "Must provide a token in Authorization header. Cannot log in with username and password"
        )
    user = await login_service.authenticate(session, username, password)
    if not await user_service.has_role(session, user.id, Role.SERVICE):
        raise InvalidUsage("Invalid request")
    return user
