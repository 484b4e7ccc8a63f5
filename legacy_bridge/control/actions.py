"""The operator's actions over HTTP: the same words as the command line."""

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field, field_validator

from legacy_bridge.control.access import CALLER, ControlRefusedError
from legacy_bridge.control.input import GroupName, Input, Name, Wanted, Why
from legacy_bridge.control.operator import Operator
from legacy_bridge.control.overview import breach_as_json, change_as_json
from legacy_bridge.database.connection import StoreError
from legacy_bridge.evidence.warden import Warden
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.ramp import DEFAULT_SAMPLES, DEFAULT_SECONDS, DEFAULT_STEPS
from legacy_bridge.modes.selection import HeldError, ModeError, UnknownOperationError
from legacy_bridge.modes.state import RecordedChange
from legacy_bridge.operations.operation import Assignment


class Act(Input):
    """Who acts, and why. A user who has logged in is known; with the bridge's token `by` says who."""

    by: Annotated[str, Field(max_length=200)] = ""
    why: Why = ""


class ActOn(Act):
    """An operation, a group, several operations by a glob, or `all-ported`."""

    operation: Name = Field(examples=["GET /thing/<int:idx>/"])


class ModeChange(ActOn):
    mode: Name = Field(examples=["shadow", "canary 5%"])
    again: bool = False
    """Try once more what was rolled back."""

    @field_validator("mode")
    @classmethod
    def _known(cls, value: str) -> str:
        return str(Assignment.parse(value))


class RampStart(ActOn):
    steps: Annotated[list[Name], Field(max_length=100)] = Field(default=list(DEFAULT_STEPS))
    samples: Annotated[int, Field(ge=0, le=10**12)] = DEFAULT_SAMPLES
    seconds: Annotated[float, Field(ge=0, le=10**9, allow_inf_nan=False)] = DEFAULT_SECONDS
    again: bool = False


class Group(Act):
    operations: Annotated[list[Name], Field(max_length=10_000)]


class BudgetChange(Act):
    name: Name = Field(examples=["*"])
    limits: Annotated[dict[Name, float], Field(max_length=100)]


class StickyChange(Act):
    to: Annotated[str, Field(max_length=200)] = Field(
        examples=["user", "header:X-User", "cookie:session"]
    )


def action_routes(ownership: Ownership, warden: Warden) -> APIRouter:
    """Guarded by whoever includes them."""
    router = APIRouter()

    def operator(act: Act) -> Operator:
        caller = CALLER.get()
        who = (caller.name if caller is not None else None) or act.by
        if not who:
            raise ControlRefusedError(400, "say who you are: by")
        return Operator(ownership, who, act.why)

    @router.put("/mode")
    async def set_mode(act: ModeChange) -> JSONResponse:
        """Change modes; every worker follows within two seconds."""
        return await _changes_reply(
            operator(act).set_mode(act.operation, act.mode, again=act.again)
        )

    @router.post("/ramp/start")
    async def start_ramp(act: RampStart) -> JSONResponse:
        """Move from step to step as the evidence allows."""
        return await _changes_reply(
            operator(act).start_ramp(
                act.operation,
                act.steps,
                samples=act.samples,
                seconds=act.seconds,
                again=act.again,
            )
        )

    @router.post("/ramp/pause")
    async def pause(act: ActOn) -> JSONResponse:
        """Stay on this step."""
        return await _changes_reply(operator(act).pause(act.operation))

    @router.post("/ramp/resume")
    async def resume(act: ActOn) -> JSONResponse:
        """Go on with a paused ramp."""
        return await _changes_reply(operator(act).resume(act.operation))

    @router.post("/ramp/abort")
    async def abort(act: ActOn) -> JSONResponse:
        """End a ramp; the mode stays."""
        return await _changes_reply(operator(act).abort(act.operation))

    @router.post("/rollback")
    async def rollback(act: ActOn) -> JSONResponse:
        """Back to the legacy, to stay there until it is tried `again`."""
        return await _changes_reply(operator(act).rollback(act.operation))

    @router.post("/acknowledge")
    async def acknowledge(act: ActOn) -> JSONResponse:
        """What was rolled back is understood: it may be moved again."""
        return await _changes_reply(operator(act).acknowledge(act.operation))

    @router.post("/kill")
    async def kill(act: Act) -> JSONResponse:
        """Everything to the legacy; stored modes stay."""
        return await _changes_reply(operator(act).kill())

    @router.post("/unkill")
    async def unkill(act: Act) -> JSONResponse:
        """Stored modes are in force again."""
        return await _changes_reply(operator(act).unkill())

    @router.put("/group/{name}")
    async def declare_group(name: GroupName, act: Group) -> JSONResponse:
        """Operations that move together; an empty list ends the group."""
        if not act.operations:
            return await _changes_reply(operator(act).drop_group(name))
        return await _changes_reply(operator(act).declare_group(name, act.operations))

    @router.put("/budget")
    async def set_budget(act: BudgetChange) -> JSONResponse:
        """Limits of an operation, a group or `*`; none: back to the defaults."""
        return await _changes_reply(operator(act).set_budget(act.name, act.limits))

    @router.put("/sticky")
    async def set_sticky(act: StickyChange) -> JSONResponse:
        """What a canary's share sticks to."""
        return await _changes_reply(operator(act).set_sticky(act.to))

    @router.get("/breaches")
    async def breaches(
        limit: Annotated[int, Query(ge=1, le=1000)] = 20, name: Wanted = None
    ) -> JSONResponse:
        """Why things were rolled back, with figures and examples; the newest first."""
        try:
            stored = await ownership.store.breaches(limit, name)
        except StoreError as error:
            return JSONResponse({"error": str(error)}, 503)
        return JSONResponse({"breaches": [breach_as_json(one) for one in stored]})

    @router.get("/examples")
    async def examples(
        operation: Wanted = None, limit: Annotated[int, Query(ge=1, le=1000)] = 20
    ) -> JSONResponse:
        """Failed requests and different pairs; the newest first."""
        try:
            stored = await warden.store.examples(operation, limit=limit)
        except StoreError as error:
            return JSONResponse({"error": str(error)}, 503)
        shown: list[dict[str, Any]] = [one._asdict() for one in stored]
        return JSONResponse({"examples": shown})

    return router


async def _changes_reply(action: Awaitable[list[RecordedChange]]) -> JSONResponse:
    try:
        done = await action
    except UnknownOperationError as error:
        return JSONResponse({"error": str(error), "near": list(error.alike)}, 404)
    except HeldError as error:
        return JSONResponse({"error": str(error), "held": True}, 409)
    except ModeError as error:
        return JSONResponse({"error": str(error)}, 409)
    except StoreError as error:
        return JSONResponse({"error": f"nothing was changed: {error}"}, 503)
    return JSONResponse({"changed": [change_as_json(change) for change in done]})
