"""The bridge's own HTTP routes: who answers what, changed while serving."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from legacy_bridge.operation import Mode
from legacy_bridge.ownership import ModeError, Ownership, UnknownOperationError
from legacy_bridge.store import Change, StoreError


class ModeChange(BaseModel):
    """Set the mode of one operation, of several by a glob, or of `all-ported`."""

    operation: str = Field(examples=["GET /thing/<int:idx>/"])
    mode: Mode
    why: str = ""
    by: Annotated[str, Field(min_length=1, max_length=200)]


class ControlRefusedError(Exception):
    """The caller may not use the control API."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text


def control_routes(
    ownership: Ownership, token: str | None, capture: Callable[[], dict[str, Any]] | None = None
) -> APIRouter:
    """``token`` is what a caller must bring as ``Authorization: Bearer …``; without one none gets in.

    ``capture`` tells how the recording of traffic goes, where there is one.
    """
    guarded = [Depends(_token_check(token))]
    router = APIRouter()

    @router.get("/health")
    async def health() -> JSONResponse:
        """Whether this worker follows the modes. Answers 200 as long as requests are served."""
        return JSONResponse(
            {
                "status": "serving",
                "worker": os.getpid(),
                "modes": "current" if ownership.trouble is None else "last known",
                "revision": ownership.decisions.revision,
                **({} if capture is None else {"capture": capture()}),
            }
        )

    @router.get("/status", dependencies=guarded)
    async def status() -> JSONResponse:
        """All operations with their modes, as this worker applies them now."""
        return JSONResponse(status_of(ownership))

    @router.put("/mode", dependencies=guarded)
    async def set_mode(change: ModeChange) -> JSONResponse:
        """Change modes; every worker follows within two seconds."""
        try:
            done = await ownership.change(
                change.operation, change.mode, who=change.by, why=change.why
            )
        except UnknownOperationError as error:
            return JSONResponse({"error": str(error), "near": list(error.near)}, 404)
        except ModeError as error:
            return JSONResponse({"error": str(error)}, 409)
        except StoreError as error:
            return JSONResponse({"error": f"nothing was changed: {error}"}, 503)
        return JSONResponse({"changed": [change_as_json(change) for change in done]})

    @router.get("/history", dependencies=guarded)
    async def history(limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> JSONResponse:
        """Who changed what, when and why; the newest first."""
        try:
            changes = await ownership.store.history(limit)
        except StoreError as error:
            return JSONResponse({"error": str(error)}, 503)
        return JSONResponse({"history": [change_as_json(change) for change in changes]})

    return router


def status_of(ownership: Ownership) -> dict[str, Any]:
    """What `cutover status --json` prints."""
    decisions, stored = ownership.decisions, ownership.stored
    operations = []
    for entry in ownership.census.entries:
        name = str(entry.operation)
        row = stored.modes.get(name)
        operations.append(
            {
                "operation": name,
                "name": entry.name,
                "ported": entry.ported,
                "guarded": entry.legacy_guarded,
                "mode": decisions.mode(entry.operation).value,
                "share": decisions.assignment(entry.operation).percent,
                "changed_by": None if row is None else row.changed_by,
                "changed_at": None if row is None else _iso(row.changed_at),
                "why": None if row is None else row.why,
            }
        )
    return {
        "revision": decisions.revision,
        "default_mode": str(decisions.default),
        "trouble": ownership.trouble,
        "ignored": list(decisions.ignored),
        "operations": operations,
    }


def change_as_json(change: Change) -> dict[str, str]:
    return {
        "changed_at": _iso(change.changed_at),
        "changed_by": change.changed_by,
        "operation": change.operation,
        "from": change.from_mode,
        "to": change.to_mode,
        "why": change.why,
    }


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds")


def _token_check(token: str | None) -> Any:
    def check(authorization: Annotated[str | None, Header()] = None) -> None:
        if token is None:
            raise ControlRefusedError(
                403, "the control API is closed: start the bridge with CUTOVER_TOKEN set to open it"
            )
        given = (authorization or "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), token.encode()):
            raise ControlRefusedError(
                401, "send the bridge's token: Authorization: Bearer <CUTOVER_TOKEN>"
            )

    return check


async def refused(_: Any, error: Exception) -> JSONResponse:
    """The handler of what `_token_check` raises."""
    assert isinstance(error, ControlRefusedError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse({"error": error.text}, error.status, headers=headers)
