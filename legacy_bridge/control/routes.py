"""The bridge's own HTTP routes: who answers what, changed while serving."""

import os
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from legacy_bridge.control.access import ControlAccess, ControlRefusedError
from legacy_bridge.control.actions import action_routes
from legacy_bridge.control.document import document_of
from legacy_bridge.control.overview import change_as_json, status_of
from legacy_bridge.evidence.warden import Warden
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.store import StoreError


def control_routes(
    ownership: Ownership,
    warden: Warden,
    access: ControlAccess,
    capture: Callable[[], dict[str, Any]] | None = None,
) -> APIRouter:
    """``access`` says who may; ``capture`` tells how the recording of traffic goes, where there is one."""
    guarded = [Depends(access.check)]
    router = APIRouter()

    @router.get("/health")
    async def health(request: Request) -> JSONResponse:
        """Whether this worker follows the modes. Answers 200 as long as requests are served.

        Operators also learn which process answers.
        """
        return JSONResponse(
            {
                "status": "serving",
                **({"worker": os.getpid()} if await access.is_operator(request) else {}),
                "modes": "current" if ownership.trouble is None else "last known",
                "revision": ownership.decisions.revision,
                **({} if capture is None else {"capture": capture()}),
            }
        )

    @router.get("/openapi.json", dependencies=guarded, include_in_schema=False)
    async def document(request: Request) -> JSONResponse:
        """What this API takes and answers."""
        return JSONResponse(document_of(request.app))

    @router.get("/status", dependencies=guarded)
    async def status() -> JSONResponse:
        """All operations with modes and evidence, as this worker applies and knows them now."""
        return JSONResponse(status_of(ownership, warden))

    @router.get("/history", dependencies=guarded)
    async def history(limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> JSONResponse:
        """Who changed what, when and why; the newest first."""
        try:
            changes = await ownership.store.history(limit)
        except StoreError as error:
            return JSONResponse({"error": str(error)}, 503)
        return JSONResponse({"history": [change_as_json(change) for change in changes]})

    router.include_router(action_routes(ownership, warden), dependencies=guarded)
    return router


async def refused(_: Any, error: Exception) -> JSONResponse:
    """The handler of what `Access` raises."""
    assert isinstance(error, ControlRefusedError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse({"error": error.text}, error.status, headers=headers)
