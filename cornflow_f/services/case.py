"""Cases: creating, copying, reading, editing, deleting. Source: ``endpoints/case.py``."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.clock import database_now
from cornflow_f.database.json_text import JsonText, as_text, is_null, stored
from cornflow_f.errors import InvalidData, NotFound
from cornflow_f.identity import Access
from cornflow_f.models import Case, Execution, Instance
from cornflow_f.models.base import hash_json
from cornflow_f.offload import is_heavy, is_long, offload_if
from cornflow_f.services import case_columns, case_tree, deployed_schema, owned, persistence
from cornflow_f.services import instance as instance_service
from cornflow_f.services.deployed_schema import SchemaKind, SchemaSource
from cornflow_f.services.values import CaseChanges, CaseFromRun, NamedCase, NewCase
from cornflow_f.validation import json_schema

_DOCUMENTS = (Case.data, Case.checks, Case.solution, Case.solution_checks, Case.kpis)
_STORED = tuple(map(as_text, _DOCUMENTS))


async def list_all(
    session: AsyncSession, access: Access, filters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    columns = case_columns.detailed(session)
    rows = await owned.list_rows(session, Case, access, filters, columns)
    return [case_columns.shown(row) for row in rows]


async def detail(session: AsyncSession, access: Access, idx: int) -> dict[str, Any]:
    columns = case_columns.detailed(session)
    return case_columns.shown(await owned.get(session, Case, access, idx, columns))


async def data(session: AsyncSession, access: Access, idx: int) -> dict[str, Any]:
    """The case with its documents as the texts that are stored."""
    columns = (*case_columns.detailed(session), *_STORED)
    shown = case_columns.shown(await owned.get(session, Case, access, idx, columns))
    return {**shown, **{column.key: stored(shown[column.key]) for column in _DOCUMENTS}}


async def create(
    session: AsyncSession, source: SchemaSource, access: Access, values: NewCase
) -> dict[str, Any]:
    """A new case or, without data, a new folder."""
    documents: dict[str, Any] = {column.key: values.get(column.key) for column in _DOCUMENTS}
    for name, kind in (("data", SchemaKind.INSTANCE), ("solution", SchemaKind.SOLUTION)):
        if documents[name] is not None:
            # parity: "pulp" is no short name here
            schema = await deployed_schema.text_of(session, source, values["schema"], kind)
            await json_schema.require_valid(schema, documents[name])
    for name in ("data", "solution"):
        document = documents[name]
        encode = instance_service.encoded
        documents[name], documents[f"{name}_hash"] = await offload_if(
            is_heavy(document), encode, document
        )
    return await _add(session, access, values, documents, schema=values["schema"])


async def create_from_run(
    session: AsyncSession, access: Access, values: CaseFromRun
) -> dict[str, Any]:
    """A new case of an instance, or of an execution and its instance."""
    instance_id, execution_id = values.get("instance_id"), values.get("execution_id")
    if (instance_id is None) == (execution_id is None):
        raise InvalidData("You must provide a valid instance_id OR an execution_id")
    solution: dict[str, Any] = {}
    if execution_id is not None:
        of_execution = (
            Execution.instance_id,
            *map(as_text, (Execution.data, Execution.checks, Execution.kpis)),
        )
        execution = await owned.find(session, Execution, access, execution_id, of_execution)
        if execution is None:
            raise NotFound("Execution does not exist.")
        instance_id = execution.instance_id
        solution = {
            "solution": stored(execution.data),
            "solution_checks": stored(execution.checks),
            "kpis": stored(execution.kpis),
        }
    columns = (Instance.schema, as_text(Instance.data), as_text(Instance.checks))
    instance = await owned.find(session, Instance, access, str(instance_id), columns)
    if instance is None:
        raise NotFound("Instance does not exist.")
    documents = {"data": stored(instance.data), "checks": stored(instance.checks), **solution}
    return await _add(session, access, values, await _hashed(documents), schema=instance.schema)


async def copy(session: AsyncSession, access: Access, idx: int) -> dict[str, Any]:
    # parity: the copy lies at the root, wherever the original lies
    columns = (Case.name, Case.description, Case.schema, *map(as_text, _DOCUMENTS))
    row = await owned.get(session, Case, access, idx, columns)
    values: NamedCase = {"name": f"Copy_{row.name}", "description": row.description}
    documents = {column.key: stored(row._mapping[column.key]) for column in _DOCUMENTS}
    return await _add(session, access, values, await _hashed(documents), schema=row.schema)


async def _hashed(documents: Mapping[str, JsonText]) -> dict[str, Any]:
    """Documents read from other rows, with their hashes."""
    columns: dict[str, Any] = dict(documents)
    for name in ("data", "solution"):
        text = documents[name].text if name in documents else "null"
        columns[f"{name}_hash"] = await offload_if(is_long(text), _hash_of_text, text)
    return columns


def _hash_of_text(text: str) -> str:
    return hash_json(json.loads(text))


async def _add(
    session: AsyncSession,
    access: Access,
    values: NamedCase,
    documents: Mapping[str, Any],
    *,
    schema: str | None,
) -> dict[str, Any]:
    case = Case(
        user_id=access.user.id,
        name=values["name"],
        description=values.get("description"),
        schema=schema,
        path=await case_tree.path_in(session, access, values.get("parent_id")),
        **documents,
    )
    await persistence.save(session, case)
    return {
        **{name: getattr(case, name) for name in _SHOWN},
        "is_dir": is_null(documents["data"].text),
    }


_SHOWN = tuple(column.key for column in case_columns.PLAIN)


async def edit(session: AsyncSession, access: Access, idx: int, values: CaseChanges) -> None:
    """Renames, describes or moves a case; whoever does it owns it from then on."""
    changes: dict[str, Any] = {name: value for name, value in values.items() if name != "parent_id"}
    statements: list[Any] = []
    # parity: 0 is no folder, and not the root either: nothing moves
    if values.get("parent_id", 0) != 0:
        statements, path = await case_tree.moves(session, access, idx, values["parent_id"])
        changes |= path
    row = await owned.get(session, Case, access, idx, (Case.id, Case.path))
    changes |= {"user_id": access.user.id, "updated_at": database_now()}
    own = update(Case).where(Case.id == row.id).values(**changes)
    subject = f"<Case {row.id}. Path: {row.path}>"
    await persistence.execute(session, "updating", subject, *statements, own)


async def remove(session: AsyncSession, access: Access, idx: int) -> None:
    """Deletes a case and everything below it, whoever owns that."""
    row = await owned.get(session, Case, access, idx, (Case.id, Case.path))
    everything = delete(Case).where(case_tree.is_below(row.path, row.id) | (Case.id == row.id))
    subject = f"<Case {row.id}. Path: {row.path}>"
    await persistence.execute(session, "deleting", subject, everything)


async def to_instance(
    session: AsyncSession, source: SchemaSource, access: Access, idx: int
) -> Instance:
    """A new instance with the data of a case."""
    columns = (Case.name, Case.description, Case.schema, as_text(Case.data))
    row = await owned.get(session, Case, access, idx, columns)
    if row.description is None:
        raise InvalidData("The case has no description: write one before making an instance of it")
    document = stored(row.data)
    long = is_long(document.text)
    decoded = await offload_if(long, json.loads, document.text)
    if row.schema is not None:
        dag_name = deployed_schema.workflow_of(row.schema)
        await instance_service.require_fitting(session, source, dag_name, decoded)
    instance = Instance(
        user_id=access.user.id,
        name=f"instance_from_{row.name}",
        description=f"Instance created from {row.description}",
        schema=row.schema,
        data=document,
        data_hash=await offload_if(long, hash_json, decoded),
    )
    await persistence.save(session, instance)
    return instance
