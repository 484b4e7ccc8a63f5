"""`/roles/…`. Source: the legacy's ``endpoints/roles.py``."""

from collections.abc import Sequence

from cornflow_f.errors import EndpointNotImplemented
from cornflow_f.models import Role
from cornflow_f.schemas.common import ErrorReply, Message
from cornflow_f.schemas.role import RoleEditRequest, RoleReply, RoleRequest
from cornflow_f.services import persistence
from cornflow_f.services import role as role_service
from cornflow_f.views.common import ELSEWHERE, guarded_router
from cornflow_f.web.deps import SessionDep, SettingsDep

router = guarded_router("Roles")


@router.get("/roles/", name="roles", response_model=list[RoleReply])
async def list_roles(session: SessionDep) -> Sequence[Role]:
    return await role_service.list_all(session)


@router.post(
    "/roles/", name="roles", response_model=RoleReply, status_code=201, responses=ELSEWHERE
)
async def create_role(data: RoleRequest, session: SessionDep, settings: SettingsDep) -> Role:
    role_service.refuse_in_directory(
        settings.auth_type, "The roles have to be created in the directory."
    )
    return await role_service.create(session, data.sent_fields())


@router.get("/roles/{idx:int}/", name="roles-detail", response_model=RoleReply)
async def get_role(idx: int, session: SessionDep) -> Role:
    return await persistence.get(session, Role, idx)


@router.put("/roles/{idx:int}/", name="roles-detail", response_model=Message, responses=ELSEWHERE)
async def edit_role(
    idx: int, data: RoleEditRequest, session: SessionDep, settings: SettingsDep
) -> Message:
    role_service.refuse_in_directory(
        settings.auth_type, "The roles have to be modified in the directory."
    )
    await role_service.edit(session, idx, data.sent_fields())
    return Message(message="Updated correctly")


@router.delete(
    "/roles/{idx:int}/",
    name="roles-detail",
    response_model=ErrorReply,
    status_code=501,
    response_description="Roles are never deleted",
)
async def delete_role(idx: int) -> ErrorReply:
    # parity: the legacy has the route and never deletes (endpoints/roles.py, RoleDetailEndpoint)
    raise EndpointNotImplemented("Roles can not be deleted")
