"""What routes depend on: settings, a database session, the authenticated user with permission checked."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from cornflow_f import security, shadowing
from cornflow_f.config import Settings, SignupMode
from cornflow_f.constants import Action
from cornflow_f.errors import InvalidCredentials, NoPermission
from cornflow_f.identity import CurrentUser
from cornflow_f.services import grant as grant_service
from cornflow_f.services.openid import OpenIdProvider

NO_PERMISSION = "You do not have permission to access this endpoint"
UNKNOWN_VIEW = "The permission for this endpoint is not in the database."
_INVALID = "Invalid token format or signature"
_INVALID_FOR_ANY = "Invalid token format, signature, or configuration"
"""Where an OpenID provider's tokens are good too."""


# A coroutine: FastAPI would send a plain function to a thread.
async def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


SettingsDep = Annotated[Settings, Depends(get_settings)]


def open_session(request: Request) -> AsyncSession:
    """A session for this request. One that only reads needs no transaction around its statements."""
    state = request.app.state
    isolation = shadowing.current()
    if isolation is not None:
        sessions = isolation.sessions
    else:
        sessions = state.reading_sessions if request.method == "GET" else state.sessions
    session: AsyncSession = sessions()
    return session


async def get_session(request: Request) -> AsyncSession:
    """The request's session. `PortRoute` opens it, and ends it before the reply starts.

    So a failing commit can't be reported as a success. A dependency that yields could do the same,
    for a tenth of the time that a short request takes.
    """
    session: AsyncSession | None = getattr(request.state, "session", None)
    if session is None:
        raise RuntimeError(
            f"{request.url.path} has no session: take its router from "
            "cornflow_f.external (guarded_router or public_router)"
        )
    return session


async def let_go(session: AsyncSession) -> None:
    """The session's connection goes back to the pool until the next statement; nothing is written yet."""
    if shadowing.current() is None:
        await session.close()


SessionDep = Annotated[AsyncSession, Depends(get_session)]


def bearer_token(request: Request) -> str:
    """The token of the `Authorization` header; empty when the header is.

    Source: ``shared/authentication/auth.py``, get_token_from_header.
    """
    header = request.headers.get("authorization")
    if header is None:
        raise InvalidCredentials("Authorization header is missing")
    if not header:
        return ""
    if not header.startswith("Bearer "):
        raise InvalidCredentials("Invalid Authorization header format. Must be 'Bearer <token>'")
    return header.split(" ")[1]


async def claims_of(token: str, request: Request) -> dict[str, Any]:
    """What a token of ours, or of the OpenID provider if there is one, claims.

    Raises InvalidCredentials with the legacy's words. Source: ``shared/authentication/auth.py``,
    decode_token: our own secret is tried first.
    """
    provider: OpenIdProvider | None = request.app.state.openid
    wrong = _INVALID
    try:
        try:
            return security.decode_token(token, request.app.state.settings.secret_key or "")
        except security.ExpiredToken:
            raise
        except security.InvalidToken:
            if provider is None:
                raise
        wrong = _INVALID_FOR_ANY
        return await provider.claims_of(token)
    except security.ExpiredToken as error:
        raise InvalidCredentials("The token has expired, please login again") from error
    except security.InvalidToken as error:
        raise InvalidCredentials(wrong, log=f"Invalid token: {error}") from error


async def username_of(token: str, request: Request) -> str:
    """The user a token names."""
    claims = await claims_of(token, request)
    if "sub" not in claims:
        # legacy-5xx: it fails on a token that names nobody.
        raise InvalidCredentials(_INVALID if request.app.state.openid is None else _INVALID_FOR_ANY)
    return str(claims["sub"])


async def require_permission(request: Request, session: SessionDep) -> CurrentUser:
    """The guard of a route: role, view and action, from the tables both stacks share.

    Refused too when the view is unknown, and when the user has no role at all.
    """
    known: CurrentUser | None = getattr(request.state, "permitted_user", None)
    if known is not None:
        # the route has asked already, before it read the body
        return known
    username = await username_of(bearer_token(request), request)
    action = Action[request.method]
    grant = await grant_service.look_up(session, username, request.scope["route"].rule, action)
    if grant is None:
        raise InvalidCredentials("User not found. Please ensure you are using valid credentials")
    if not grant.user.roles:
        raise NoPermission(NO_PERMISSION)
    if not grant.view_known:
        raise NoPermission(UNKNOWN_VIEW)
    if not grant.granted:
        raise NoPermission(NO_PERMISSION)
    request.state.permitted_user = grant.user
    return grant.user


async def require_permission_to_sign_up(
    request: Request, session: SessionDep, settings: SettingsDep
) -> None:
    """The guard of the sign-up: everybody passes when `SIGNUP_ACTIVATED` is 1."""
    if settings.signup_activated is not SignupMode.OPEN:
        await require_permission(request, session)


GUARDS: frozenset[Callable[..., Any]] = frozenset(
    (require_permission, require_permission_to_sign_up)
)
"""The dependencies that check a permission. The census tells guarded routes by them."""

UserDep = Annotated[CurrentUser, Depends(require_permission)]
