"""`/token/`. Source: the legacy's ``endpoints/token.py``."""

from starlette.requests import Request

from cornflow_f.errors import InvalidCredentials
from cornflow_f.openapi import document
from cornflow_f.schemas.login import TokenValidity
from cornflow_f.services import user as user_service
from cornflow_f.views.common import public_router
from cornflow_f.web.deps import SessionDep, bearer_token, username_of

router = public_router("Users")


@router.get(
    "/token/",
    name="token",
    response_model=TokenValidity,
    openapi_extra={"security": [{document.SCHEME: []}]},
)
async def check_token(request: Request, session: SessionDep) -> TokenValidity:
    token = bearer_token(request)
    try:
        username = await username_of(token, request)
    except InvalidCredentials:
        return TokenValidity(valid=0)
    user = await user_service.find_by_username(session, username)
    return TokenValidity(valid=0 if user is None else 1)
