"""Instances: the data of problems. Source: ``endpoints/instance.py`` and ``models/instance.py``."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.clock import database_now
from cornflow_f.database.json_text import NULL, JsonText, as_bytes, shown_bytes, to_text
from cornflow_f.identity import Access
from cornflow_f.models import Execution, Instance
from cornflow_f.models.base import hash_json
from cornflow_f.offload import is_heavy, offload_if
from cornflow_f.services import deployed_schema, owned, persistence
from cornflow_f.services.deployed_schema import DEFAULT_WORKFLOW, SchemaKind, SchemaSource
from cornflow_f.services.values import InstanceChanges, NewInstance
from cornflow_f.validation import json_schema

SUMMARY = (
    Instance.id,
    Instance.name,
    Instance.description,
    Instance.created_at,
    Instance.user_id,
    Instance.data_hash,
    Instance.schema,
)
_DATA = (*SUMMARY, as_bytes(Instance.data), as_bytes(Instance.checks))
_OF_EXECUTION = (
    Execution.id,
    Execution.name,
    Execution.description,
    Execution.created_at,
    Execution.user_id,
    Execution.data_hash,
    Execution.schema,
    Execution.config,
    Execution.instance_id,
    Execution.state,
    Execution.state_message,
)


# parity: the executions are in no order (InstanceModel.executions)
_WITH_EXECUTIONS = select(
    *SUMMARY, *(column.label(f"execution_{column.key}") for column in _OF_EXECUTION)
).outerjoin(Execution, and_(Execution.instance_id == Instance.id, Execution.deleted_at.is_(None)))


async def list_all(
    session: AsyncSession, access: Access, filters: Mapping[str, Any]
) -> Sequence[Row[Any]]:
    return await owned.list_rows(session, Instance, access, filters, SUMMARY)


async def create(
    session: AsyncSession, source: SchemaSource, user_id: int, values: NewInstance
) -> Instance:
    """A new instance, its data checked against the schema of the workflow it names."""
    dag_name = deployed_schema.workflow_of(values.get("schema", DEFAULT_WORKFLOW))
    await require_fitting(session, source, dag_name, values["data"])
    # parity: the default is used for the check only, the column stays empty
    return await add(
        session,
        user_id,
        data=values["data"],
        name=values["name"],
        description=values.get("description"),
        schema=values.get("schema"),
        checks=values.get("checks"),
    )


async def require_fitting(
    session: AsyncSession, source: SchemaSource, dag_name: str, data: Any
) -> None:
    """Raises InvalidData when `data` does not fit the instance schema of a workflow."""
    schema = await deployed_schema.text_of(session, source, dag_name, SchemaKind.INSTANCE)
    await json_schema.require_valid(schema, data)


async def add(session: AsyncSession, user_id: int, *, data: Any, **values: Any) -> Instance:
    text, data_hash = await offload_if(is_heavy(data), encoded, data)
    instance = Instance(user_id=user_id, data=text, data_hash=data_hash, **values)
    await persistence.save(session, instance)
    return instance


def encoded(document: Any) -> tuple[JsonText, str]:
    """What a JSON column and its hash column store."""
    return JsonText(to_text(document)), hash_json(document)


async def detail(session: AsyncSession, access: Access, idx: str) -> dict[str, Any]:
    """The instance and its executions, in one statement."""
    rows = await owned.get_rows(session, Instance, access, idx, _WITH_EXECUTIONS)
    executions = [
        {
            column.key: value
            for column, value in zip(_OF_EXECUTION, row[len(SUMMARY) :], strict=True)
        }
        for row in rows
        if row.execution_id is not None
    ]
    own = dict(zip((column.key for column in SUMMARY), rows[0], strict=False))
    return {**own, "executions": executions}


async def data(session: AsyncSession, access: Access, idx: str) -> dict[str, Any]:
    """The instance with its data and checks as the texts that are stored."""
    row = await owned.get(session, Instance, access, idx, _DATA)
    return {**row._mapping, "data": shown_bytes(row.data), "checks": shown_bytes(row.checks)}


async def edit(
    session: AsyncSession,
    source: SchemaSource,
    access: Access,
    idx: str,
    values: InstanceChanges,
) -> None:
    """Changes an instance; whoever changes it owns it from then on."""
    row = await owned.get(session, Instance, access, idx, (Instance.schema,))
    # parity: the hash keeps that of the first data, and the new owner is whoever edits
    changes: dict[str, Any] = {**values, "user_id": access.user.id, "updated_at": database_now()}
    statements: list[Any] = []
    if "data" in values:
        if row.schema is not None:
            dag_name = deployed_schema.workflow_of(row.schema)
            await require_fitting(session, source, dag_name, values["data"])
        document = values["data"]
        changes["data"] = JsonText(await offload_if(is_heavy(document), to_text, document))
        changes["checks"] = JsonText(NULL)
        statements.append(
            update(Execution)
            .where(Execution.instance_id == idx, Execution.deleted_at.is_(None))
            .values(checks=JsonText(NULL))
        )
    statements.append(update(Instance).where(Instance.id == idx).values(**changes))
    await persistence.execute(session, "updating", f"<Instance {idx}>", *statements)


async def remove(session: AsyncSession, access: Access, idx: str) -> None:
    """Deletes an instance, after its executions."""
    await owned.get(session, Instance, access, idx, (Instance.id,))
    # parity: two transactions, so the executions are gone even if the instance has to stay
    executions = delete(Execution).where(
        Execution.instance_id == idx, Execution.deleted_at.is_(None)
    )
    await persistence.execute(session, "deleting", f"<Instance {idx}>", executions)
    await persistence.execute(
        session, "deleting", f"<Instance {idx}>", delete(Instance).where(Instance.id == idx)
    )


def without_executions(instance: Instance) -> dict[str, Any]:
    """A new instance as `detail` shows it."""
    return {**{column.key: getattr(instance, column.key) for column in SUMMARY}, "executions": []}
