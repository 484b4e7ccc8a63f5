"""Executions and the orchestrator: starting, stopping, starting again.

Every state is committed before the next thing is tried, so that what an execution got to can be read
when the request ends with an error. Source: ``endpoints/execution.py``.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.constants import ExecutionState
from cornflow_f.database.json_text import NULL, JsonText, as_text
from cornflow_f.errors import InvalidData, InvalidUsage, NoPermission, NotFound, OrchestratorError
from cornflow_f.identity import Access
from cornflow_f.models import Execution, Instance
from cornflow_f.offload import is_heavy, is_long, offload_if
from cornflow_f.orchestrators.base import Orchestrator
from cornflow_f.services import deployed_schema, launch, owned, persistence
from cornflow_f.services import execution as execution_service
from cornflow_f.services.deployed_schema import SchemaKind, SchemaSource
from cornflow_f.services.instance import encoded
from cornflow_f.services.values import NewExecution
from cornflow_f.validation import json_schema

_NOT_FITTING = (
    "The execution could not be run because the {part} does not comply with the json schema. "
    "Check the log for more details"
)


async def create(
    session: AsyncSession,
    orchestrator: Orchestrator,
    source: SchemaSource,
    access: Access,
    values: NewExecution,
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
    values: NewExecution,
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
            # legacy-5xx: the legacy fails on a config that is no object.
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
        # legacy-5xx: the legacy fails and leaves an execution that seems to run.
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


def require_finished(state: int) -> None:
    """Raises InvalidUsage while an execution runs or waits."""
    if state in (ExecutionState.RUNNING, ExecutionState.QUEUED):
        raise InvalidUsage("The execution is still running")
