"""How routers are made: guarded unless they say otherwise, with the replies every operation may give."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from cornflow_f.orchestrators.airflow import Airflow
from cornflow_f.orchestrators.base import Orchestrator
from cornflow_f.schemas.common import ErrorReply, HttpErrorReply
from cornflow_f.schemas.data import InvalidDataReply
from cornflow_f.schemas.execution import OrchestratorErrorReply
from cornflow_f.services.deployed_schema import SchemaSource
from cornflow_f.web.deps import require_permission
from cornflow_f.web.route import PortRoute

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorReply, "description": "The request or its credentials are not valid"},
    403: {"model": ErrorReply, "description": "The user may not do this"},
    404: {
        "model": ErrorReply | HttpErrorReply,
        "description": "There is no such object, or its id can't be one",
    },
}


ELSEWHERE: dict[int | str, dict[str, Any]] = {
    501: {"model": ErrorReply, "description": "Users or roles are kept elsewhere (AUTH_TYPE)"}
}
"""For operations that a directory or an OpenID provider takes over."""


INVALID_DATA: dict[int | str, dict[str, Any]] = {
    400: {"model": InvalidDataReply, "description": "The request or its data are not valid"}
}
"""For operations that check data against the JSON schema of a workflow."""


ORCHESTRATOR_FAILS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": OrchestratorErrorReply | InvalidDataReply,
        "description": "The request or its data are not valid, or the orchestrator fails",
    }
}
"""For operations that hand an execution to the orchestrator."""


async def get_airflow(request: Request) -> Airflow:
    airflow: Airflow = request.app.state.airflow
    return airflow


async def get_orchestrator(request: Request) -> Orchestrator:
    orchestrator: Orchestrator = request.app.state.orchestrator
    return orchestrator


AirflowDep = Annotated[Airflow, Depends(get_airflow)]
"""Airflow, whatever the backend is: what the legacy asks for schemas, examples and data checks."""

OrchestratorDep = Annotated[Orchestrator, Depends(get_orchestrator)]
"""What runs the executions."""


SchemaSourceDep = Annotated[SchemaSource, Depends(get_airflow)]


async def wants_run(run: str = "1") -> bool:
    # parity: only exactly "0" means no (endpoints/execution.py, ExecutionEndpoint.post)
    return run != "0"


WantsRun = Annotated[bool, Depends(wants_run)]
"""Whether the execution shall be started: `?run=0` only creates it."""


def guarded_router(tag: str) -> APIRouter:
    """A router whose every route checks the permission before anything else is looked at."""
    return APIRouter(
        tags=[tag],
        route_class=PortRoute,
        dependencies=[Depends(require_permission)],
        responses=ERRORS,
    )


def public_router(tag: str, *, refuses: bool = True) -> APIRouter:
    """A router open to everybody. A test lists the routes that are."""
    replies: dict[int | str, dict[str, Any]] = {400: ERRORS[400]} if refuses else {}
    return APIRouter(tags=[tag], route_class=PortRoute, responses=replies)
