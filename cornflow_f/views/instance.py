"""`/instance/…`. Source: the legacy's ``endpoints/instance.py``."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import Depends, Response
from sqlalchemy import Row

from cornflow_f.schemas.common import Message
from cornflow_f.schemas.instance import (
    InstanceData,
    InstanceDetail,
    InstanceEditRequest,
    InstanceListed,
    InstanceRequest,
)
from cornflow_f.schemas.query import ListFilters
from cornflow_f.services import instance as instance_service
from cornflow_f.services.values import InstanceChanges, NewInstance
from cornflow_f.views.common import INVALID_DATA, SchemaSourceDep, guarded_router
from cornflow_f.web.deps import SessionDep, UserDep
from cornflow_f.web.guards import AccessDep, require_dag_permission
from cornflow_f.web.json_replies import raw_json_reply
from cornflow_f.web.query import query
from cornflow_f.web.route import compress_reply, inflate_request

router = guarded_router("Instances")


@router.get("/instance/", name="instance", response_model=list[InstanceListed])
async def list_instances(
    filters: Annotated[ListFilters, query(ListFilters)], session: SessionDep, access: AccessDep
) -> Sequence[Row[Any]]:
    return await instance_service.list_all(session, access, filters.sent_fields())


@router.post(
    "/instance/",
    name="instance",
    response_model=InstanceDetail,
    status_code=201,
    responses=INVALID_DATA,
    dependencies=[Depends(require_dag_permission), Depends(inflate_request)],
)
async def create_instance(
    data: InstanceRequest, session: SessionDep, source: SchemaSourceDep, user: UserDep
) -> dict[str, Any]:
    instance = await instance_service.create(
        session, source, user.id, cast(NewInstance, data.sent_fields())
    )
    return instance_service.without_executions(instance)


@router.get("/instance/{idx}/", name="instances-detail", response_model=InstanceDetail)
async def get_instance(idx: str, session: SessionDep, access: AccessDep) -> dict[str, Any]:
    return await instance_service.detail(session, access, idx)


@router.put(
    "/instance/{idx}/",
    name="instances-detail",
    response_model=Message,
    responses=INVALID_DATA,
    dependencies=[Depends(require_dag_permission)],
)
async def edit_instance(
    idx: str,
    data: InstanceEditRequest,
    session: SessionDep,
    source: SchemaSourceDep,
    access: AccessDep,
) -> Message:
    await instance_service.edit(
        session, source, access, idx, cast(InstanceChanges, data.sent_fields())
    )
    return Message(message="Updated correctly")


@router.delete("/instance/{idx}/", name="instances-detail", response_model=Message)
async def delete_instance(idx: str, session: SessionDep, access: AccessDep) -> Message:
    await instance_service.remove(session, access, idx)
    return Message(message="The object has been deleted")


@router.get(
    "/instance/{idx}/data/",
    name="instances-data",
    response_model=InstanceData,
    dependencies=[Depends(compress_reply)],
)
async def get_instance_data(idx: str, session: SessionDep, access: AccessDep) -> Response:
    return raw_json_reply(await instance_service.data(session, access, idx))
