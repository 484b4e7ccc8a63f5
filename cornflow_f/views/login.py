"""`/login/`. Source: the legacy's ``endpoints/login.py``."""

from cornflow_f.deps import SessionDep, SettingsDep
from cornflow_f.schemas.login import LoggedIn, LoginRequest
from cornflow_f.services import login as login_service
from cornflow_f.views.common import public_router

router = public_router("Users")


@router.post("/login/", name="login", response_model=LoggedIn)
async def log_in(data: LoginRequest, session: SessionDep, settings: SettingsDep) -> LoggedIn:
    user = await login_service.authenticate(session, data.username, data.password)
    return LoggedIn(
        change_password=login_service.password_is_old(user, settings),
        token=login_service.token_for(user, settings),
        id=user.id,
    )
