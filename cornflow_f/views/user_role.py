"""`/user/role/…`. Source: the legacy's ``endpoints/user_role.py``."""

from collections.abc import Sequence

from fastapi import Response

from cornflow_f.models import UserRole
from cornflow_f.schemas.common import Message
from cornflow_f.schemas.user_role import UserRoleReply, UserRoleRequest
from cornflow_f.services import role as role_service
from cornflow_f.services import user_role as user_role_service
from cornflow_f.views.common import ELSEWHERE, guarded_router
from cornflow_f.web.deps import SessionDep, SettingsDep, UserDep

router = guarded_router("User roles")


@router.get("/user/role/", name="user-roles", response_model=list[UserRoleReply])
async def list_assignments(session: SessionDep, asking: UserDep) -> Sequence[UserRole]:
    return await user_role_service.list_visible(session, asking)


@router.post(
    "/user/role/",
    name="user-roles",
    response_model=UserRoleReply,
    status_code=201,
    responses={200: {"model": UserRoleReply, "description": "The role is given back"}, **ELSEWHERE},
)
async def assign_role(
    data: UserRoleRequest, response: Response, session: SessionDep, settings: SettingsDep
) -> UserRole:
    role_service.refuse_in_directory(
        settings.auth_type, "The role assignments have to be created in the directory"
    )
    user_id, role_id = user_role_service.required_ids(data.sent_fields())
    assignment, new = await user_role_service.assign(session, user_id, role_id)
    response.status_code = 201 if new else 200
    return assignment


@router.get(
    "/user/role/{user_id:int}/{role_id:int}/",
    name="user-roles-detail",
    response_model=UserRoleReply,
)
async def get_assignment(user_id: int, role_id: int, session: SessionDep) -> UserRole:
    return await user_role_service.get(session, user_id, role_id)


@router.delete(
    "/user/role/{user_id:int}/{role_id:int}/",
    name="user-roles-detail",
    response_model=Message,
    responses=ELSEWHERE,
)
async def remove_assignment(
    user_id: int, role_id: int, session: SessionDep, settings: SettingsDep
) -> Message:
    role_service.refuse_in_directory(
        settings.auth_type, "The roles have to be deleted in the directory."
    )
    await user_role_service.remove(session, user_id, role_id)
    return Message(message="The object has been deleted")
