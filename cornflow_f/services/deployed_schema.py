"""The JSON schemas of a deployed workflow, as text. Source: ``models/dag.py``, get_one_schema."""

import json
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.json_text import as_text, is_null
from cornflow_f.errors import NotFound
from cornflow_f.models import DeployedWorkflow

DEFAULT_WORKFLOW = "solve_model_dag"
_SHORT_NAME = "pulp"


class SchemaKind(StrEnum):
    """Which schema of a workflow; the values are the names in the orchestrator's variable."""

    INSTANCE = "instance"
    SOLUTION = "solution"
    CONFIG = "config"
    INSTANCE_CHECKS = "instance_checks"
    SOLUTION_CHECKS = "solution_checks"
    KPIS = "kpis"


class SchemaSource(Protocol):
    """Where a schema is asked for when the database has none: the orchestrator."""

    async def get_one_schema(self, dag_name: str, schema: str) -> Any: ...


def workflow_of(schema: str) -> str:
    """The id of the workflow that a `schema` of the client means."""
    return DEFAULT_WORKFLOW if schema == _SHORT_NAME else schema


async def text_of(
    session: AsyncSession, source: SchemaSource, dag_name: str, kind: SchemaKind
) -> str:
    """The schema's text, from the database or, when the column is null, from the orchestrator."""
    column = getattr(DeployedWorkflow, f"{kind.value}_schema")
    missing = NotFound(f"The DAG {dag_name} does not exist in the database.")
    if "\x00" in dag_name:
        raise missing
    statement = select(as_text(column)).where(
        DeployedWorkflow.id == dag_name, DeployedWorkflow.deleted_at.is_(None)
    )
    row = (await session.execute(statement)).first()
    if row is None:
        raise missing
    text: str | None = row[0]
    if text is None or is_null(text):
        return json.dumps(await source.get_one_schema(dag_name, kind.value))
    return text
