"""`/dag/…`: what workers and the registry of workflows use. Source: the legacy's ``endpoints/dag.py``."""

from fastapi import Response

from cornflow_f.schemas.common import Message
from cornflow_f.schemas.deployed_workflow import (
    CaseChecksRequest,
    DeployedWorkflowEditRequest,
    DeployedWorkflowReply,
    DeployedWorkflowRequest,
    InstanceChecksRequest,
)
from cornflow_f.schemas.execution import (
    ExecutionInput,
    ExecutionReply,
    ManualExecutionRequest,
    ResultRequest,
)
from cornflow_f.services import deployed_workflow
from cornflow_f.services import worker_exchange as dag_service
from cornflow_f.views.common import INVALID_DATA, SchemaSourceDep, guarded_router
from cornflow_f.web.deps import SessionDep, SettingsDep, UserDep
from cornflow_f.web.guards import AccessDep
from cornflow_f.web.json_replies import raw_json_list_reply, raw_json_reply

router = guarded_router("DAGs")


@router.post("/dag/", name="dag-manual", response_model=ExecutionReply, status_code=201)
async def create_manually(
    data: ManualExecutionRequest, session: SessionDep, user: UserDep
) -> Response:
    created = await dag_service.create_manually(session, user.id, data.sent_fields())
    return raw_json_reply(created, 201)


@router.get("/dag/{idx}/", name="dag", response_model=ExecutionInput)
async def get_run_input(idx: str, session: SessionDep, access: AccessDep) -> Response:
    return raw_json_reply(await dag_service.run_input(session, access, idx))


@router.put("/dag/{idx}/", name="dag", response_model=Message, responses=INVALID_DATA)
async def save_result(
    idx: str,
    data: ResultRequest,
    session: SessionDep,
    access: AccessDep,
    source: SchemaSourceDep,
) -> Message:
    await dag_service.save_result(session, source, access, idx, data.sent_fields())
    return Message(message="results successfully saved")


@router.put("/dag/instance/{idx}/", name="dag-instance", response_model=Message)
async def save_instance_checks(
    idx: str, data: InstanceChecksRequest, session: SessionDep
) -> Message:
    await dag_service.save_instance_checks(session, idx, data.sent_fields())
    return Message(message="Updated correctly")


@router.put("/dag/case/{idx:int}/", name="dag-case", response_model=Message)
async def save_case_checks(idx: int, data: CaseChecksRequest, session: SessionDep) -> Message:
    await dag_service.save_case_checks(session, idx, data.sent_fields())
    return Message(message="Updated correctly")


@router.get("/dag/deployed/", name="deployed-dag", response_model=list[DeployedWorkflowReply])
async def list_deployed(session: SessionDep) -> Response:
    return raw_json_list_reply(await deployed_workflow.list_all(session))


@router.post(
    "/dag/deployed/", name="deployed-dag", response_model=DeployedWorkflowReply, status_code=201
)
async def create_deployed(
    data: DeployedWorkflowRequest, session: SessionDep, settings: SettingsDep
) -> Response:
    created = await deployed_workflow.create(
        session, data.sent_fields(), open_deployment=settings.open_deployment == 1
    )
    return raw_json_reply(created, 201)


@router.put("/dag/deployed/{idx}/", name="deployed-dag-detail", response_model=Message)
async def edit_deployed(
    idx: str, data: DeployedWorkflowEditRequest, session: SessionDep, settings: SettingsDep
) -> Message:
    await deployed_workflow.edit(
        session, idx, data.sent_fields(), open_deployment=settings.open_deployment == 1
    )
    return Message(message="Updated correctly")
