"""Runs that only compute checks and KPIs. Source: ``endpoints/data_check.py``.

They are always Airflow's, whatever the backend is, as in the legacy.
"""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.constants import ExecutionState
from cornflow_f.database.json_text import NULL, JsonText, as_text, is_null
from cornflow_f.errors import InvalidData, NotFound
from cornflow_f.identity import Access
from cornflow_f.models import Case, Execution, Instance
from cornflow_f.models.base import hash_json
from cornflow_f.offload import is_long, offload_if
from cornflow_f.orchestrators.airflow import Airflow
from cornflow_f.services import deployed_schema, execution_run, launch, owned, persistence
from cornflow_f.services import execution as execution_service
from cornflow_f.services.deployed_schema import DEFAULT_WORKFLOW, SchemaKind
from cornflow_f.validation import json_schema

_CONFIG = {"checks_and_kpis_only": True}


async def of_execution(
    session: AsyncSession, airflow: Airflow, access: Access, idx: str, *, run: bool
) -> dict[str, Any]:
    """Checks an execution that exists already."""
    row = await owned.find(session, Execution, access, idx, (Execution.schema, Execution.state))
    if row is None:
        raise NotFound("The execution to check does not exist")
    execution_run.require_finished(row.state)
    if run:
        await _launch(session, airflow, idx, row.schema)
    else:
        await execution_service.set_state(session, idx, ExecutionState.NOT_RUN)
    return await execution_run.shown(session, idx)


async def of_instance(
    session: AsyncSession, airflow: Airflow, access: Access, idx: str, *, run: bool
) -> dict[str, Any]:
    """Checks an instance, in an execution of its own."""
    columns = (Instance.name, Instance.schema)
    row = await owned.find(session, Instance, access, idx, columns)
    if row is None:
        raise NotFound("The instance to check does not exist")
    name = f"data_check_instance_{row.name}"
    execution = await _add(session, access, idx, name=name, schema=row.schema, run=run)
    if run:
        await _launch(session, airflow, execution.id, row.schema)
    return await execution_run.shown(session, execution.id)


async def of_case(
    session: AsyncSession, airflow: Airflow, access: Access, idx: int, *, run: bool
) -> dict[str, Any]:
    """Checks a case, in an instance and an execution of their own."""
    columns = (Case.name, Case.schema, as_text(Case.data), as_text(Case.solution))
    row = await owned.find(session, Case, access, idx, columns)
    if row is None:
        raise NotFound("The case to check does not exist")
    schema = row.schema or DEFAULT_WORKFLOW
    name = f"data_check_case_{row.name}"
    data = row.data or NULL
    data_hash = await _checked(session, airflow, schema, SchemaKind.INSTANCE, data)
    instance = Instance(
        user_id=access.user.id, data=JsonText(data), data_hash=data_hash, schema=schema, name=name
    )
    await persistence.save(session, instance)
    solution = NULL if is_null(row.solution) else str(row.solution)
    solution_hash = None
    if solution != NULL:
        # parity: the instance is there already when the solution turns out not to fit
        solution_hash = await _checked(session, airflow, schema, SchemaKind.SOLUTION, solution)
    execution = await _add(
        session,
        access,
        instance.id,
        name=name,
        schema=schema,
        run=run,
        solution=solution,
        solution_hash=solution_hash,
    )
    if run:
        await _launch(session, airflow, execution.id, schema, case_id=idx)
    return await execution_run.shown(session, execution.id)


async def _checked(
    session: AsyncSession, airflow: Airflow, schema: str, kind: SchemaKind, stored: str
) -> str:
    """The hash of a stored document that fits its schema. Raises InvalidData."""
    workflow = deployed_schema.workflow_of(schema)
    text = await deployed_schema.text_of(session, airflow, workflow, kind)
    data_hash, errors = await offload_if(is_long(stored), _hash_and_errors, text, stored)
    if errors:
        raise InvalidData(payload={"jsonschema_errors": errors})
    return data_hash


def _hash_and_errors(schema_text: str, stored: str) -> tuple[str, list[str]]:
    document = json.loads(stored)
    return hash_json(document), json_schema.errors_of(schema_text, document)


async def _add(
    session: AsyncSession,
    access: Access,
    instance_id: str,
    *,
    name: str,
    schema: str | None,
    run: bool,
    solution: str = NULL,
    solution_hash: str | None = None,
) -> Execution:
    return await execution_run.add(
        session,
        access,
        instance_id,
        encoded_data=(JsonText(solution), solution_hash or hash_json(None)),
        name=name,
        schema=schema,
        config=_CONFIG,
        checks_and_kpis_only=True,
        state=int(ExecutionState.RUNNING if run else ExecutionState.NOT_RUN),
    )


async def _launch(
    session: AsyncSession,
    airflow: Airflow,
    idx: str,
    schema: str | None,
    *,
    case_id: int | None = None,
) -> None:
    name = str(schema)
    await session.commit()
    await launch.require_alive(session, airflow, idx, launch.NOT_REACHABLE)
    workflow = await launch.workflow(session, airflow, idx, name, checks=True)
    if workflow.is_paused:
        await launch.require_running(session, workflow, idx, launch.PAUSED)
    await launch.launch(session, airflow, idx, name, checks=True, case_id=case_id)
