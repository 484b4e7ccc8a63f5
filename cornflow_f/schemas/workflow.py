"""Workflows as users see them: schemas and examples. Source: ``schemas/schemas.py``, ``schemas/example_data.py``."""

from typing import Any

from cornflow_f.schemas.common import ReplyModel


class WorkflowName(ReplyModel):
    name: str


class WorkflowSchemas(WorkflowName):
    instance: Any
    solution: Any
    config: Any
    instance_checks: Any
    solution_checks: Any
    kpis: Any


class ExampleListed(ReplyModel):
    """What the example does not have is left out."""

    name: str | None = None
    description: str | None = None


class ExampleDetail(ExampleListed):
    instance: Any = None
    solution: Any = None
