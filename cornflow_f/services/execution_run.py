"""Executions and the orchestrator: starting, stopping, starting again, asking for the state.

Every state is committed before the next thing is tried, so that what an execution got to can be read
when the request ends with an error. Source: ``endpoints/execution.py``.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f import json_schema
from cornflow_f.access import Access
from cornflow_f.clock import database_now
from cornflow_f.constants import EXECUTION_STATE_MESSAGES, ExecutionState
from cornflow_f.errors import InvalidData, InvalidUsage, NoPermission, NotFound, OrchestratorError
from cornflow_f.models import Execution, Instance
from cornflow_f.offload import is_heavy, is_long, offload_if
from cornflow_f.orchestrators.base import Orchestrator
from cornflow_f.raw_json import NULL, JsonText, as_text
from cornflow_f.services import deployed_schema, launch, owned, persistence
from cornflow_f.services import execution as execution_service
from cornflow_f.services.deployed_schema import SchemaKind, SchemaSource
from cornflow_f.services.instance import encoded

_NOT_FITTING = (
    "The execution could not be run because the {part} does not comply with the json schema. "
    "Check the log for more details"
)
_AT_ONCE = 10
"""States that one list asks the orchestrator for at the same time."""


async def create(
    session: AsyncSession,
    orchestrator: Orchestrator,
    source: SchemaSource,
    access: Access,
    values: Mapping[str, Any],
    *,
    run: bool,
) -> dict[str, Any]:
    """A new execution, started unless `run` is false. It stays when it can't be started."""
    schema = values.get("schema", orchestrator.default_workflow)
    data = values.get("data")
    execution = await add(
        session,
        access,
        values["instance_id"],
        encoded_data=await offload_if(is_heavy(data), encoded, data),
        same_schema=True,
        schema=schema,
        config=values["config"],
        name=values["name"],
        description=values.get("description"),
        state=int(ExecutionState.RUNNING if run else ExecutionState.NOT_RUN),
    )
    if run:
        await launch.require_alive(
            session, orchestrator, execution.id, f"{orchestrator.name} is not accessible"
        )
        workflow = await launch.workflow(session, orchestrator, execution.id, schema)
        await _fill_and_check(session, source, execution, values)
        await launch.require_running(session, workflow, execution.id, launch.PAUSED)
        await launch.launch(session, orchestrator, execution.id, schema)
    return await shown(session, execution.id)


async def add(
    session: AsyncSession,
    access: Access,
    instance_id: str,
    *,
    encoded_data: tuple[JsonText, str],
    same_schema: bool = False,
    **values: Any,
) -> Execution:
    """A new row. `encoded_data` are its data and their hash; with `same_schema`, it must be the instance's."""
    columns: tuple[Any, ...] = (Instance.user_id, Instance.schema)
    statement = select(*columns).where(Instance.id == instance_id)
    (owner,) = await owned.rows_of(session, instance_id, statement)
    if not access.shared and owner.user_id != access.user.id:
        # parity: not even an administrator runs another user's instance (BaseMetaResource.post_list)
        raise NoPermission
    data, data_hash = encoded_data
    execution = Execution(
        user_id=access.user.id, instance_id=instance_id, data=data, data_hash=data_hash, **values
    )
    async with persistence.refusals(session, "saving", str(execution)):
        session.add(execution)
        await session.flush()
    if same_schema and owner.schema != execution.schema:
        await session.rollback()
        raise InvalidData("Instance and execution schema mismatch")
    await persistence.commit(session, "saving", str(execution))
    return execution


async def shown(session: AsyncSession, idx: str) -> dict[str, Any]:
    """The execution as replies to its creation show it."""
    statement = select(*execution_service.SHOWN).where(Execution.id == idx)
    row = (await session.execute(statement)).first()
    if row is None:
        raise NotFound
    return execution_service.shown(row)


async def _fill_and_check(
    session: AsyncSession,
    source: SchemaSource,
    execution: Execution,
    values: Mapping[str, Any],
) -> None:
    """Config, instance and solution against the schemas of the workflow; defaults go into the config."""
    schema = str(execution.schema)
    config = values["config"]
    idx = execution.id

    async def refuse(part: str, errors: list[str]) -> InvalidData:
        message = _NOT_FITTING.format(part=part)
        state = execution_service.to_state(ExecutionState.ERROR_START, message)
        await execution_service.save(session, idx, **state, log_text=str(errors))
        return InvalidData(payload={"jsonschema_errors": errors})

    try:
        text = await deployed_schema.text_of(session, source, schema, SchemaKind.CONFIG)
        try:
            filled, errors = json_schema.filled_in(text, config)
        except (TypeError, ValueError) as error:
            # The legacy fails with a 500 on a config that is no object.
            raise await refuse("config", [f"{config!r} is not of type 'object'"]) from error
        if errors:
            raise await refuse("config", errors)
        if filled != config:
            await execution_service.save(session, idx, config=filled)

        text = await deployed_schema.text_of(session, source, schema, SchemaKind.INSTANCE)
        statement = select(as_text(Instance.data)).where(Instance.id == execution.instance_id)
        stored: str = (await session.execute(statement)).scalar_one() or NULL
        errors = await offload_if(is_long(stored), _errors_of_stored, text, stored)
        if errors:
            raise await refuse("instance data", errors)

        solution = values.get("data")
        if solution is not None:
            text = await deployed_schema.text_of(session, source, schema, SchemaKind.SOLUTION)
            errors = await offload_if(is_heavy(solution), json_schema.errors_of, text, solution)
            if errors:
                raise await refuse("solution data", errors)
    except json_schema.UnusableSchema:
        # The legacy fails with a 500 and leaves an execution that seems to run.
        await execution_service.set_state(session, idx, ExecutionState.ERROR_START)
        raise


def _errors_of_stored(schema_text: str, stored: str) -> list[str]:
    return json_schema.errors_of(schema_text, json.loads(stored))


async def relaunch(
    session: AsyncSession,
    orchestrator: Orchestrator,
    source: SchemaSource,
    access: Access,
    idx: str,
    config: Mapping[str, Any],
    *,
    run: bool,
) -> bool:
    """Runs an execution again with another config. False: it still runs."""
    row = await owned.get(session, Execution, access, idx, (Execution.schema, Execution.state))
    # parity: all this is changed before anything is checked (ExecutionRelaunchEndpoint.post)
    await execution_service.save(
        session,
        idx,
        config=config,
        user_id=access.user.id,
        checks=JsonText(NULL),
        kpis=JsonText(NULL),
        last_run_checks_and_kpis=False,
    )
    if row.state in (ExecutionState.RUNNING, ExecutionState.QUEUED):
        return False
    if not run:
        await execution_service.set_state(session, idx, ExecutionState.NOT_RUN)
        return True
    schema = str(row.schema)
    text = await deployed_schema.text_of(session, source, schema, SchemaKind.CONFIG)
    # parity: here the defaults of the schema are not filled in, and the state stays
    await json_schema.require_valid(text, config)
    await launch.require_alive(session, orchestrator, idx, f"{orchestrator.name} is not accessible")
    workflow = await launch.workflow(session, orchestrator, idx, schema)
    # parity: a paused workflow is called unreachable
    await launch.require_running(session, workflow, idx, launch.NOT_REACHABLE)
    await launch.launch(session, orchestrator, idx, schema)
    return True


async def stop(session: AsyncSession, orchestrator: Orchestrator, access: Access, idx: str) -> None:
    columns = (Execution.schema, Execution.run_id, Execution.last_run_checks_and_kpis)
    row = await owned.get(session, Execution, access, idx, columns)
    await session.commit()
    if not await orchestrator.is_alive():
        raise OrchestratorError(launch.NOT_REACHABLE)
    await orchestrator.stop(str(row.schema), row.run_id, checks=bool(row.last_run_checks_and_kpis))
    await execution_service.set_state(session, idx, ExecutionState.STOPPED)


async def status(
    session: AsyncSession, orchestrator: Orchestrator, access: Access, idx: str
) -> dict[str, Any]:
    """The state, asked of the orchestrator unless the execution has finished."""
    columns = (
        Execution.id,
        Execution.state,
        Execution.state_message,
        Execution.data_hash,
        Execution.schema,
        Execution.run_id,
        Execution.last_run_checks_and_kpis,
    )
    row = await owned.get(session, Execution, access, idx, columns)
    state, message = row.state, row.state_message
    if state in execution_service.UNFINISHED:
        await session.commit()
        state = await _ask(session, orchestrator, row)
        message = EXECUTION_STATE_MESSAGES[state]
        await execution_service.set_state(session, idx, state)
    return {"id": idx, "state": state, "message": message, "data_hash": row.data_hash}


async def _ask(session: AsyncSession, orchestrator: Orchestrator, row: Row[Any]) -> ExecutionState:
    if not row.run_id:
        raise await launch.failed(
            session, row.id, ExecutionState.ERROR, "The execution has no run_id associated"
        )
    # parity: one moment without the orchestrator, and the execution counts as not started
    await launch.require_alive(
        session, orchestrator, row.id, f"{orchestrator.name} is not accessible"
    )
    try:
        return await orchestrator.state_of(
            str(row.schema), row.run_id, checks=bool(row.last_run_checks_and_kpis)
        )
    except OrchestratorError as error:
        words = f"{orchestrator.name} responded with an error: {error}"
        raise await launch.failed(session, row.id, ExecutionState.UNKNOWN, words) from error


async def refreshed(
    session: AsyncSession, orchestrator: Orchestrator, rows: Sequence[Row[Any]]
) -> list[dict[str, Any]]:
    """Rows of a list as replies show them, the unfinished ones with the orchestrator's state."""
    listed = [await execution_service.listed(row) for row in rows]
    asked = [
        number
        for number, row in enumerate(rows)
        if row.state in execution_service.UNFINISHED and row.run_id
    ]
    if not asked:
        return listed
    await session.commit()
    if not await orchestrator.is_alive():
        return listed
    slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(row: Row[Any]) -> ExecutionState | None:
        async with slots:
            try:
                # parity: a run of the checks is not found, as its workflow has another name
                return await orchestrator.state_of(str(row.schema), row.run_id)
            except OrchestratorError:
                return None

    states = await asyncio.gather(*(ask(rows[number]) for number in asked))
    statements = []
    for number, state in zip(asked, states, strict=True):
        if state is not None:
            now = database_now()
            columns = execution_service.to_state(state)
            statements.append(
                execution_service.change(rows[number].id, **columns).values(updated_at=now)
            )
            listed[number] |= {
                "state": int(state),
                "message": columns["state_message"],
                "updated_at": now,
            }
    if statements:
        await persistence.execute(session, "updating", "<Execution>", *statements)
    return listed


def require_finished(state: int) -> None:
    """Raises InvalidUsage while an execution runs or waits."""
    if state in (ExecutionState.RUNNING, ExecutionState.QUEUED):
        raise InvalidUsage("The execution is still running")
