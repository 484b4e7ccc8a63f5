"""`/signup/`. Source: the legacy's ``endpoints/signup.py``."""

from fastapi import APIRouter, Depends

from cornflow_f.schemas.login import SignedUp
from cornflow_f.schemas.user import SignupRequest
from cornflow_f.services import login as login_service
from cornflow_f.views.common import ERRORS
from cornflow_f.web.deps import SessionDep, SettingsDep, require_permission_to_sign_up
from cornflow_f.web.route import PortRoute

router = APIRouter(
    tags=["Users"],
    route_class=PortRoute,
    dependencies=[Depends(require_permission_to_sign_up)],
    responses={status: ERRORS[status] for status in (400, 403)},
)


@router.post("/signup/", name="signup", response_model=SignedUp, status_code=201)
async def sign_up(data: SignupRequest, session: SessionDep, settings: SettingsDep) -> SignedUp:
    user = await login_service.sign_up(session, data.sent_fields(), settings)
    return SignedUp(token=login_service.token_for(user, settings), id=user.id)
