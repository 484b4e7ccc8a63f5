"""What workers exchange with the API: a run's input, its results, checks. Source: ``endpoints/dag.py``."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.constants import ExecutionState
from cornflow_f.database.clock import database_now
from cornflow_f.database.json_text import as_text, stored
from cornflow_f.errors import NotFound
from cornflow_f.identity import Access
from cornflow_f.models import Case, Execution, Instance
from cornflow_f.offload import is_heavy, offload_if
from cornflow_f.services import deployed_schema, execution_run, owned, persistence
from cornflow_f.services import execution as execution_service
from cornflow_f.services.deployed_schema import SchemaKind, SchemaSource
from cornflow_f.services.instance import encoded
from cornflow_f.validation import json_schema

NO_EXECUTION = "The execution does not exist."
_COLUMNS_OF_RESULT = ("log_text", "log_json", "checks", "kpis")


async def run_input(session: AsyncSession, access: Access, idx: str) -> dict[str, Any]:
    """What a worker needs, in one statement, as the texts that are stored."""
    joined = and_(Instance.id == Execution.instance_id, *access.conditions(Instance))
    columns: tuple[Any, ...] = (
        Instance.id,
        as_text(Instance.data),
        as_text(Execution.data).element.label("solution_data"),
        as_text(Execution.config),
    )
    statement = (
        select(*columns)
        .outerjoin(Instance, joined)
        .select_from(Execution)
        .where(Execution.id == idx, *access.conditions(Execution))
    )
    try:
        (row,) = await owned.rows_of(session, idx, statement)
    except NotFound as error:
        raise NotFound(NO_EXECUTION) from error
    if row.id is None:
        raise NotFound("The instance does not exist.")
    return {
        "id": row.id,
        "data": stored(row.data),
        "solution_data": stored(row.solution_data),
        "config": stored(row.config),
    }


async def save_result(
    session: AsyncSession, source: SchemaSource, access: Access, idx: str, values: Mapping[str, Any]
) -> None:
    """Stores what a run came to. The execution keeps its owner."""
    row = await owned.find(session, Execution, access, idx, (Execution.schema,))
    if row is None:
        raise NotFound(NO_EXECUTION)
    if "data" in values and row.schema is not None:
        workflow = deployed_schema.workflow_of(row.schema)
        text = await deployed_schema.text_of(session, source, workflow, SchemaKind.SOLUTION)
        await json_schema.require_valid(text, values["data"])
    # parity: without a state this means "solved", although a worker that failed has just said so and
    # now only sends its log (endpoints/dag.py, DAGDetailEndpoint.put)
    changes = execution_service.to_state(values.get("state", ExecutionState.CORRECT))
    if "data" in values:
        changes |= await execution_service.of_new_solution(values["data"])
    changes |= {name: values[name] for name in _COLUMNS_OF_RESULT if name in values}
    await execution_service.save(session, idx, **changes)


async def create_manually(
    session: AsyncSession, user_id: int, values: Mapping[str, Any]
) -> dict[str, Any]:
    """An execution that was run elsewhere. Neither its data nor its instance's owner are checked."""
    # parity: the state that the client gives is not used (DAGEndpointManual.post)
    names = ("config", "name", "description", "instance_id", "schema", *_COLUMNS_OF_RESULT)
    document = values.get("data")
    text, data_hash = await offload_if(is_heavy(document), encoded, document)
    execution = Execution(
        user_id=user_id,
        data=text,
        data_hash=data_hash,
        state=int(ExecutionState.MANUAL),
        **{name: values[name] for name in names if name in values},
    )
    await persistence.save(session, execution)
    return await execution_run.shown(session, execution.id)


async def save_instance_checks(session: AsyncSession, idx: str, values: Mapping[str, Any]) -> None:
    await _save_checks(session, Instance, idx, (Instance.id,), "<Instance {}>", values)


async def save_case_checks(session: AsyncSession, idx: int, values: Mapping[str, Any]) -> None:
    shown = (Case.id, Case.path)
    await _save_checks(session, Case, idx, shown, "<Case {}. Path: {}>", values)


async def _save_checks(
    session: AsyncSession,
    model: Any,
    idx: str | int,
    shown: tuple[Any, ...],
    words: str,
    values: Mapping[str, Any],
) -> None:
    """`shown` are the columns that a message of a refused write fills its `words` with."""
    statement = select(*shown).where(model.id == idx, model.deleted_at.is_(None))
    row, *_ = await owned.rows_of(session, idx, statement)
    subject = words.format(*row)
    change = update(model).where(model.id == idx).values(**values, updated_at=database_now())
    await persistence.execute(session, "updating", subject, change)
