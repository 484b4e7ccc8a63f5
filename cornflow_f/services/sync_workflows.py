"""The registry of workflows, brought to what Airflow has. Source: ``commands/dag.py``, ``commands/schemas.py``."""

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.errors import OrchestratorError
from cornflow_f.models import DeployedWorkflow
from cornflow_f.orchestrators.base import Listed
from cornflow_f.services import dag_permissions
from cornflow_f.services.deployed_schema import SchemaKind


@dataclass(frozen=True, slots=True)
class Synced:
    """What was missing and is there now."""

    registered: tuple[str, ...]
    permissions: int


class RegistrySource(Protocol):
    """Where the workflows are: Airflow, or what speaks its API."""

    async def model_workflows(self) -> list[Listed]: ...
    async def variable(self, name: str) -> Any: ...


async def fetch_missing(session: AsyncSession, source: RegistrySource) -> list[DeployedWorkflow]:
    """The workflows that Airflow has and the registry has not, with their schemas. Writes nothing.

    Raises OrchestratorError, naming the workflow, when its schemas are not what they must be.
    """
    # parity: one marked as deleted is not registered again, its key is taken (the legacy fails on it)
    known = set(await session.scalars(select(DeployedWorkflow.id)))
    # Airflow may be slow: the connection is not kept for it.
    await session.rollback()
    return [
        DeployedWorkflow(
            id=workflow.id,
            description=workflow.description,
            **_schemas(workflow.id, await source.variable(workflow.id)),
        )
        for workflow in await source.model_workflows()
        if workflow.id not in known
    ]


async def register(
    session: AsyncSession, workflows: list[DeployedWorkflow], *, open_deployment: bool
) -> Synced:
    """Adds them, and the permissions that follow. Does not commit."""
    session.add_all(workflows)
    await session.flush()
    granted = await dag_permissions.register(session, open_deployment=open_deployment)
    return Synced(tuple(workflow.id for workflow in workflows), granted)


def _schemas(name: str, documents: Any) -> dict[str, Any]:
    missing = [
        kind for kind in SchemaKind if not isinstance(documents, dict) or kind not in documents
    ]
    if missing:
        raise OrchestratorError(
            f"The schemas of {name} at Airflow lack {', '.join(missing)}: the variable {name} must "
            "hold all of them (the DAG update_all_schemas writes it)"
        )
    return {f"{kind}_schema": documents[kind] for kind in SchemaKind}
