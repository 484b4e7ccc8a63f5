"""`/permission/…`. Source: the legacy's ``endpoints/permission.py``."""

from collections.abc import Sequence

from fastapi import Depends

from cornflow_f.models import Permission
from cornflow_f.schemas.common import Message
from cornflow_f.schemas.permission import PermissionReply, PermissionRequest
from cornflow_f.services import permission as permission_service
from cornflow_f.views.common import guarded_router
from cornflow_f.web.deps import SessionDep
from cornflow_f.web.route import compress_reply

router = guarded_router("PermissionViewRole")


@router.get(
    "/permission/",
    name="permissions",
    response_model=list[PermissionReply],
    dependencies=[Depends(compress_reply)],
)
async def list_permissions(session: SessionDep) -> Sequence[Permission]:
    return await permission_service.list_all(session)


@router.post("/permission/", name="permissions", response_model=PermissionReply, status_code=201)
async def create_permission(data: PermissionRequest, session: SessionDep) -> Permission:
    return await permission_service.create(session, data.sent_fields())


@router.get("/permission/{idx:int}/", name="permission-detail", response_model=PermissionReply)
async def get_permission(idx: int, session: SessionDep) -> Permission:
    return await permission_service.get(session, idx)


@router.put("/permission/{idx:int}/", name="permission-detail", response_model=Message)
async def edit_permission(idx: int, data: PermissionRequest, session: SessionDep) -> Message:
    await permission_service.edit(session, idx, data.sent_fields())
    return Message(message="Updated correctly")


@router.delete("/permission/{idx:int}/", name="permission-detail", response_model=Message)
async def delete_permission(idx: int, session: SessionDep) -> Message:
    await permission_service.remove(session, idx)
    return Message(message="The object has been deleted")
