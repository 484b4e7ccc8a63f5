"""`/user/…`. Source: the legacy's ``endpoints/user.py``."""

from collections.abc import Sequence

from cornflow_f.models import User
from cornflow_f.schemas.common import ErrorReply, Message
from cornflow_f.schemas.user import (
    RecoverPasswordRequest,
    UserDetail,
    UserEditRequest,
    UserListed,
)
from cornflow_f.services import password as password_service
from cornflow_f.services import user as user_service
from cornflow_f.views.common import ELSEWHERE, guarded_router, public_router
from cornflow_f.web.deps import SessionDep, SettingsDep, UserDep

router = guarded_router("Users")
public = public_router("Users")


@router.get("/user/", name="user", response_model=list[UserListed])
async def list_users(session: SessionDep) -> Sequence[User]:
    return await user_service.list_all(session)


@router.get("/user/{user_id:int}/", name="user-detail", response_model=UserDetail)
async def get_user(user_id: int, session: SessionDep, asking: UserDep) -> User:
    return await user_service.detail(session, asking, user_id)


@router.put("/user/{user_id:int}/", name="user-detail", response_model=Message, responses=ELSEWHERE)
async def edit_user(
    user_id: int, data: UserEditRequest, session: SessionDep, asking: UserDep, settings: SettingsDep
) -> Message:
    await user_service.edit(session, asking, user_id, data.sent_fields(), settings.auth_type)
    return Message(message="Updated correctly")


@router.delete("/user/{user_id:int}/", name="user-detail", response_model=Message)
async def delete_user(user_id: int, session: SessionDep, asking: UserDep) -> Message:
    await user_service.remove(session, asking, user_id)
    return Message(message="The object has been deleted")


@router.put("/user/{user_id:int}/{make_admin:int}/", name="user-admin", response_model=UserListed)
async def set_admin(user_id: int, make_admin: int, session: SessionDep) -> User:
    return await user_service.set_admin(session, user_id, admin=bool(make_admin))


@public.put(
    "/user/recover-password/",
    name="recover-password",
    response_model=Message,
    responses={501: {"model": ErrorReply, "description": "The server has no mail settings"}},
)
async def recover_password(
    data: RecoverPasswordRequest, session: SessionDep, settings: SettingsDep
) -> Message:
    await password_service.recover(session, data.email, settings)
    return Message(message="The password recovery process has started. Check the email inbox.")
