"""`/login/`, in three ways by `AUTH_TYPE`. Source: the legacy's ``endpoints/login.py``."""

from starlette.requests import Request

from cornflow_f.errors import InvalidUsage
from cornflow_f.schemas.login import LoggedIn, LoggedInElsewhere, LoginRequest, OpenIdLoginRequest
from cornflow_f.services import external_login
from cornflow_f.services import login as login_service
from cornflow_f.views.common import public_router
from cornflow_f.web.deps import SessionDep, SettingsDep, bearer_token, claims_of

database = public_router("Users")
directory = public_router("Users")
openid = public_router("Users")


@database.post("/login/", name="login", response_model=LoggedIn)
async def log_in(data: LoginRequest, session: SessionDep, settings: SettingsDep) -> LoggedIn:
    user = await login_service.authenticate(session, data.username, data.password)
    return LoggedIn(
        change_password=login_service.password_is_old(user, settings),
        token=login_service.token_for(user, settings),
        id=user.id,
    )


@directory.post("/login/", name="login", response_model=LoggedInElsewhere)
async def log_in_by_directory(
    data: LoginRequest, request: Request, session: SessionDep, settings: SettingsDep
) -> LoggedInElsewhere:
    entry = await request.app.state.directory.log_in(data.username, data.password)
    user = await external_login.admit_entry(session, data.username, entry)
    return LoggedInElsewhere(token=login_service.token_for(user, settings), id=user.id)


@openid.post("/login/", name="login", response_model=LoggedInElsewhere)
async def log_in_by_token(
    data: OpenIdLoginRequest, request: Request, session: SessionDep, settings: SettingsDep
) -> LoggedInElsewhere:
    if data.username and data.password:
        user = await external_login.authenticate_service_user(
            session, data.username, data.password, settings
        )
        return LoggedInElsewhere(token=login_service.token_for(user, settings), id=user.id)
    token = bearer_token(request)
    if not token:
        raise InvalidUsage("Invalid request")
    user = await external_login.admit_claims(session, await claims_of(token, request), settings)
    return LoggedInElsewhere(token=token, id=user.id)
