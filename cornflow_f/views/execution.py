"""`/execution/…`. Source: the legacy's ``endpoints/execution.py``."""

from typing import Annotated, Any, cast

from fastapi import Depends, Response
from starlette.responses import JSONResponse

from cornflow_f.schemas.common import ErrorReply, Message
from cornflow_f.schemas.execution import (
    ExecutionData,
    ExecutionDetail,
    ExecutionEditRequest,
    ExecutionFilters,
    ExecutionListed,
    ExecutionLog,
    ExecutionReply,
    ExecutionRequest,
    ExecutionStatus,
    ExecutionStatusRequest,
    RelaunchRequest,
)
from cornflow_f.services import execution as execution_service
from cornflow_f.services import execution_run, execution_state
from cornflow_f.services.values import ExecutionChanges, NewExecution
from cornflow_f.views.common import (
    INVALID_DATA,
    ORCHESTRATOR_FAILS,
    OrchestratorDep,
    SchemaSourceDep,
    WantsRun,
    guarded_router,
)
from cornflow_f.web.deps import SessionDep
from cornflow_f.web.guards import AccessDep, require_dag_permission
from cornflow_f.web.json_replies import raw_json_list_reply, raw_json_reply
from cornflow_f.web.query import query
from cornflow_f.web.route import compress_reply

router = guarded_router("Executions")


@router.get("/execution/", name="execution", response_model=list[ExecutionListed])
async def list_executions(
    filters: Annotated[ExecutionFilters, query(ExecutionFilters)],
    session: SessionDep,
    access: AccessDep,
    orchestrator: OrchestratorDep,
) -> Response:
    rows = await execution_service.list_rows(session, access, filters.sent_fields())
    return raw_json_list_reply(await execution_state.refreshed(session, orchestrator, rows))


@router.post(
    "/execution/",
    name="execution",
    response_model=ExecutionReply,
    status_code=201,
    responses=ORCHESTRATOR_FAILS,
    dependencies=[Depends(require_dag_permission)],
)
async def create_execution(
    data: ExecutionRequest,
    run: WantsRun,
    session: SessionDep,
    access: AccessDep,
    orchestrator: OrchestratorDep,
    source: SchemaSourceDep,
) -> Response:
    created = await execution_run.create(
        session, orchestrator, source, access, cast(NewExecution, data.sent_fields()), run=run
    )
    return raw_json_reply(created, 201)


@router.get("/execution/{idx}/", name="execution-detail", response_model=ExecutionDetail)
async def get_execution(idx: str, session: SessionDep, access: AccessDep) -> Response:
    return raw_json_reply(await execution_service.detail(session, access, idx))


@router.put(
    "/execution/{idx}/",
    name="execution-detail",
    response_model=Message,
    responses=INVALID_DATA,
)
async def edit_execution(
    idx: str,
    data: ExecutionEditRequest,
    session: SessionDep,
    access: AccessDep,
    source: SchemaSourceDep,
) -> Message:
    await execution_service.edit(
        session, source, access, idx, cast(ExecutionChanges, data.sent_fields())
    )
    return Message(message="Updated correctly")


@router.delete("/execution/{idx}/", name="execution-detail", response_model=Message)
async def delete_execution(idx: str, session: SessionDep, access: AccessDep) -> Message:
    await execution_service.remove(session, access, idx)
    return Message(message="The object has been deleted")


@router.post(
    "/execution/{idx}/",
    name="execution-detail",
    response_model=Message,
    responses={**ORCHESTRATOR_FAILS, 501: {"model": Message}},
    dependencies=[Depends(require_dag_permission)],
)
async def stop_execution(
    idx: str, session: SessionDep, access: AccessDep, orchestrator: OrchestratorDep
) -> Any:
    if not orchestrator.can_stop:
        words = f"This feature is not available for {orchestrator.name}"
        return JSONResponse({"message": words}, 501)
    await execution_run.stop(session, orchestrator, access, idx)
    return Message(message="The execution has been stopped")


@router.get(
    "/execution/{idx}/status/",
    name="execution-status",
    response_model=ExecutionStatus,
    responses=ORCHESTRATOR_FAILS,
)
async def get_status(
    idx: str, session: SessionDep, access: AccessDep, orchestrator: OrchestratorDep
) -> dict[str, Any]:
    return await execution_state.status(session, orchestrator, access, idx)


@router.put(
    "/execution/{idx}/status/",
    name="execution-status",
    response_model=Message,
    responses={400: {"model": ErrorReply}},
)
async def set_status(
    idx: str, data: ExecutionStatusRequest, session: SessionDep, access: AccessDep
) -> Any:
    if await execution_service.set_status(session, access, idx, data.sent_fields().get("status")):
        return Message(message=f"execution {idx} updated correctly")
    return JSONResponse({"error": "status code was missing"}, 400)


@router.get(
    "/execution/{idx}/data/",
    name="execution-data",
    response_model=ExecutionData,
    dependencies=[Depends(compress_reply)],
)
async def get_execution_data(idx: str, session: SessionDep, access: AccessDep) -> Response:
    return raw_json_reply(await execution_service.data(session, access, idx))


@router.get(
    "/execution/{idx}/log/",
    name="execution-log",
    response_model=ExecutionLog,
    dependencies=[Depends(compress_reply)],
)
async def get_execution_log(idx: str, session: SessionDep, access: AccessDep) -> Response:
    return raw_json_reply(await execution_service.log(session, access, idx))


@router.post(
    "/execution/{idx}/relaunch/",
    name="execution-relaunch",
    response_model=Message,
    status_code=201,
    responses=ORCHESTRATOR_FAILS,
    dependencies=[Depends(require_dag_permission)],
)
async def relaunch_execution(
    idx: str,
    data: RelaunchRequest,
    run: WantsRun,
    session: SessionDep,
    access: AccessDep,
    orchestrator: OrchestratorDep,
    source: SchemaSourceDep,
) -> Any:
    config = data.config.filled()
    if not await execution_run.relaunch(
        session, orchestrator, source, access, idx, config, run=run
    ):
        return JSONResponse({"message": "This execution is still running"}, 400)
    if run:
        return Message(message="The execution was relaunched correctly")
    return Message(message="The execution was set for relaunch but was not launched")
