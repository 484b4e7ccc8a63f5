"""`/case/…`. Source: the legacy's ``endpoints/case.py``."""

from typing import Annotated, Any, cast

from fastapi import Depends, Response

from cornflow_f.models import Instance
from cornflow_f.schemas.case import (
    CaseComparison,
    CaseData,
    CaseDetail,
    CaseEditRequest,
    CaseFromInstanceRequest,
    CaseListed,
    CasePatchRequest,
    CaseRequest,
    CaseToInstance,
    CompareQuery,
)
from cornflow_f.schemas.common import Message
from cornflow_f.schemas.query import ListFilters
from cornflow_f.services import case as case_service
from cornflow_f.services import case_patch
from cornflow_f.services.values import CaseChanges, CaseFromRun, NewCase
from cornflow_f.views.common import INVALID_DATA, SchemaSourceDep, guarded_router
from cornflow_f.web.deps import SessionDep
from cornflow_f.web.guards import AccessDep, require_dag_permission
from cornflow_f.web.json_replies import raw_json_reply
from cornflow_f.web.query import query
from cornflow_f.web.route import compress_reply, inflate_request

router = guarded_router("Cases")


@router.get("/case/", name="case", response_model=list[CaseDetail])
async def list_cases(
    filters: Annotated[ListFilters, query(ListFilters)], session: SessionDep, access: AccessDep
) -> list[dict[str, Any]]:
    return await case_service.list_all(session, access, filters.sent_fields())


@router.post(
    "/case/",
    name="case",
    response_model=CaseListed,
    status_code=201,
    responses=INVALID_DATA,
    dependencies=[Depends(require_dag_permission), Depends(inflate_request)],
)
async def create_case(
    data: CaseRequest, session: SessionDep, source: SchemaSourceDep, access: AccessDep
) -> dict[str, Any]:
    return await case_service.create(session, source, access, cast(NewCase, data.sent_fields()))


@router.post(
    "/case/instance/",
    name="case-instance-execution",
    response_model=CaseListed,
    status_code=201,
    dependencies=[Depends(require_dag_permission)],
)
async def create_case_from_run(
    data: CaseFromInstanceRequest, session: SessionDep, access: AccessDep
) -> dict[str, Any]:
    return await case_service.create_from_run(
        session, access, cast(CaseFromRun, data.sent_fields())
    )


@router.get("/case/{idx:int}/", name="case-detail", response_model=CaseDetail)
async def get_case(idx: int, session: SessionDep, access: AccessDep) -> dict[str, Any]:
    return await case_service.detail(session, access, idx)


@router.put("/case/{idx:int}/data/", name="case-data", response_model=Message)
@router.put("/case/{idx:int}/", name="case-detail", response_model=Message)
async def edit_case(
    idx: int, data: CaseEditRequest, session: SessionDep, access: AccessDep
) -> Message:
    # parity: on `/data/` too, where it does not touch the data (CaseDataEndpoint inherits it)
    await case_service.edit(session, access, idx, cast(CaseChanges, data.sent_fields()))
    return Message(message="Updated correctly")


@router.delete("/case/{idx:int}/data/", name="case-data", response_model=Message)
@router.delete("/case/{idx:int}/", name="case-detail", response_model=Message)
async def delete_case(idx: int, session: SessionDep, access: AccessDep) -> Message:
    # parity: on `/data/` too the whole case goes (CaseDataEndpoint inherits it)
    await case_service.remove(session, access, idx)
    return Message(message="The object has been deleted")


@router.post("/case/{idx:int}/copy/", name="case-copy", response_model=CaseListed, status_code=201)
async def copy_case(idx: int, session: SessionDep, access: AccessDep) -> dict[str, Any]:
    return await case_service.copy(session, access, idx)


@router.get(
    "/case/{idx:int}/data/",
    name="case-data",
    response_model=CaseData,
    dependencies=[Depends(compress_reply)],
)
async def get_case_data(idx: int, session: SessionDep, access: AccessDep) -> Response:
    return raw_json_reply(await case_service.data(session, access, idx))


@router.patch(
    "/case/{idx:int}/data/",
    name="case-data",
    response_model=Message,
    dependencies=[Depends(inflate_request)],
)
async def patch_case(
    idx: int, data: CasePatchRequest, session: SessionDep, access: AccessDep
) -> Message:
    patches = {
        name: [step.sent_fields() for step in steps] for name, steps in data.sent_fields().items()
    }
    await case_patch.apply(session, access, idx, patches)
    return Message(message="Patched correctly")


@router.post(
    "/case/{idx:int}/instance/",
    name="case-instance",
    response_model=CaseToInstance,
    status_code=201,
    responses=INVALID_DATA,
)
async def create_instance_from_case(
    idx: int, session: SessionDep, source: SchemaSourceDep, access: AccessDep
) -> Instance:
    return await case_service.to_instance(session, source, access, idx)


@router.get(
    "/case/{idx1:int}/{idx2:int}/",
    name="case-compare",
    response_model=CaseComparison,
    response_model_exclude_unset=True,
    dependencies=[Depends(compress_reply)],
)
async def compare_cases(
    idx1: int,
    idx2: int,
    parts: Annotated[CompareQuery, query(CompareQuery)],
    session: SessionDep,
    access: AccessDep,
) -> dict[str, list[dict[str, Any]]]:
    return await case_patch.compare(session, access, idx1, idx2, parts.sent_fields())
