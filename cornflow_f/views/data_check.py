"""`/data-check…`: each under two rules. Source: the legacy's ``endpoints/data_check.py``."""

from typing import Any

from fastapi import Depends, Response

from cornflow_f.schemas.execution import ExecutionReply
from cornflow_f.services import data_check
from cornflow_f.views.common import ORCHESTRATOR_FAILS, AirflowDep, WantsRun, guarded_router
from cornflow_f.web.deps import SessionDep
from cornflow_f.web.guards import AccessDep, require_dag_permission
from cornflow_f.web.json_replies import raw_json_reply

router = guarded_router("Data checks")
_COMMON: dict[str, Any] = {
    "response_model": ExecutionReply,
    "status_code": 201,
    "responses": ORCHESTRATOR_FAILS,
    "dependencies": [Depends(require_dag_permission)],
}


@router.post("/data-check-kpis/execution/{idx}/", name="data-check-kpis-execution", **_COMMON)
@router.post("/data-check/execution/{idx}/", name="data-check-execution", **_COMMON)
async def check_execution(
    idx: str, run: WantsRun, session: SessionDep, access: AccessDep, airflow: AirflowDep
) -> Response:
    created = await data_check.of_execution(session, airflow, access, idx, run=run)
    return raw_json_reply(created, 201)


@router.post("/data-check-kpis/instance/{idx}/", name="data-check-kpis-instance", **_COMMON)
@router.post("/data-check/instance/{idx}/", name="data-check-instance", **_COMMON)
async def check_instance(
    idx: str, run: WantsRun, session: SessionDep, access: AccessDep, airflow: AirflowDep
) -> Response:
    created = await data_check.of_instance(session, airflow, access, idx, run=run)
    return raw_json_reply(created, 201)


@router.post("/data-check-kpis/case/{idx:int}/", name="data-check-kpis-case", **_COMMON)
@router.post("/data-check/case/{idx:int}/", name="data-check-case", **_COMMON)
async def check_case(
    idx: int, run: WantsRun, session: SessionDep, access: AccessDep, airflow: AirflowDep
) -> Response:
    created = await data_check.of_case(session, airflow, access, idx, run=run)
    return raw_json_reply(created, 201)
