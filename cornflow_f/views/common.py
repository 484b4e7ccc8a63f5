"""How routers are made: guarded unless they say otherwise, with the replies every operation may give."""

from typing import Any

from fastapi import APIRouter, Depends

from cornflow_f.deps import require_permission
from cornflow_f.route import PortRoute
from cornflow_f.schemas.common import ErrorReply

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorReply, "description": "The request or its credentials are not valid"},
    403: {"model": ErrorReply, "description": "The user may not do this"},
    404: {"model": ErrorReply, "description": "There is no such object"},
}


def guarded_router(tag: str) -> APIRouter:
    """A router whose every route checks the permission before anything else is looked at."""
    return APIRouter(
        tags=[tag],
        route_class=PortRoute,
        dependencies=[Depends(require_permission)],
        responses=_ERRORS,
    )


def public_router(tag: str) -> APIRouter:
    """A router open to everybody. A test lists the routes that are."""
    return APIRouter(tags=[tag], route_class=PortRoute, responses={400: _ERRORS[400]})
