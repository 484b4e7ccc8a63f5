"""What a user may know of the deployed workflows: names, schemas, examples.

Source: ``endpoints/schemas.py`` and ``endpoints/example_data.py``.
"""

from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.json_text import JsonText, as_text, stored
from cornflow_f.errors import NoPermission, NotFound, OrchestratorError
from cornflow_f.models import DagPermission, DeployedWorkflow
from cornflow_f.services import dag_access
from cornflow_f.services.deployed_schema import SchemaKind

_NO_PERMISSION = "User does not have permission to access this dag"
_LIST_FIELDS = ("name", "description")
_DETAIL_FIELDS = (*_LIST_FIELDS, "instance", "solution")
_ITERABLE = (list, dict, str)


class ExampleSource(Protocol):
    """Where the examples are: the variables of Airflow."""

    async def is_alive(self) -> bool: ...
    async def workflow(self, workflow: str, *, checks: bool = False) -> Any: ...
    async def variable(self, name: str) -> Any: ...


async def list_names(session: AsyncSession, user_id: int) -> list[dict[str, str]]:
    # parity: permissions marked as deleted count; in the order they were given, which a covering
    # index would not keep
    statement = (
        select(DagPermission.dag_id)
        .where(DagPermission.user_id == user_id)
        .order_by(DagPermission.id)
    )
    return [{"name": dag_id} for dag_id in await session.scalars(statement)]


async def schemas(session: AsyncSession, user_id: int, dag_name: str) -> dict[str, str | JsonText]:
    """All schemas of a workflow as the texts that are stored."""
    if "\x00" in dag_name:
        raise NoPermission(_NO_PERMISSION)
    columns = {kind.value: getattr(DeployedWorkflow, f"{kind.value}_schema") for kind in SchemaKind}
    statement = (
        select(*map(as_text, columns.values()))
        .join(DagPermission, DagPermission.dag_id == DeployedWorkflow.id)
        .where(
            DagPermission.user_id == user_id,
            DagPermission.dag_id == dag_name,
            DeployedWorkflow.deleted_at.is_(None),
        )
    )
    row = (await session.execute(statement)).first()
    if row is None:
        raise NoPermission(_NO_PERMISSION)
    return {"name": dag_name, **dict(zip(columns, map(stored, row), strict=True))}


async def examples(
    session: AsyncSession, source: ExampleSource, user_id: int, dag_name: str
) -> list[dict[str, Any]] | None:
    """Names and descriptions; None when Airflow holds null."""
    examples = await _examples(session, source, user_id, dag_name)
    if examples is None:
        return None
    if not isinstance(examples, _ITERABLE):
        raise _no_examples(dag_name)
    # parity: of whatever can be iterated, items without these fields are shown without any
    # (endpoints/example_data.py, marshal_with)
    return [_shown(example, _LIST_FIELDS) for example in examples]


async def example(
    session: AsyncSession, source: ExampleSource, user_id: int, dag_name: str, name: str
) -> dict[str, Any]:
    examples = await _examples(session, source, user_id, dag_name)
    for one in examples if isinstance(examples, _ITERABLE) else (examples,):
        if not isinstance(one, dict) or "name" not in one:
            # legacy-5xx: the legacy fails here, also when the example is among the later ones
            raise _no_examples(dag_name)
        if one["name"] == name:
            return _shown(one, _DETAIL_FIELDS)
    raise NotFound("The example does not exist")


def _shown(example: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(example, dict):
        return {}
    return {
        name: _text(example[name]) if name in _LIST_FIELDS else example[name]
        for name in names
        if name in example
    }


def _text(value: Any) -> str | None:
    """parity: any value is shown as Python writes it (schemas/example_data.py, fields.Str)."""
    return None if value is None else str(value)


def _no_examples(dag_name: str) -> OrchestratorError:
    return OrchestratorError(f"The examples of {dag_name} at Airflow are not a list of examples")


async def _examples(
    session: AsyncSession, source: ExampleSource, user_id: int, dag_name: str
) -> Any:
    if not await dag_access.may_use(session, user_id, dag_name):
        raise NoPermission(f"{_NO_PERMISSION}.")
    # Airflow may be slow: the connection is not kept for it.
    await session.commit()
    if not await source.is_alive():
        raise OrchestratorError("Airflow is not reachable")
    await source.workflow(dag_name)
    return await source.variable(f"z_{dag_name}_examples")
