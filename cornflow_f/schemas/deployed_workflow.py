"""Deployed workflows. Source: the legacy's ``schemas/dag.py``."""

from typing import Any

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.validation.marshmallow import Raw, RequestModel, Text


class DeployedWorkflowRequest(RequestModel):
    id: Text
    description: Text | None = None
    instance_schema: Raw
    solution_schema: Raw
    config_schema: Raw
    instance_checks_schema: Raw
    solution_checks_schema: Raw
    kpis_schema: Raw


class DeployedWorkflowEditRequest(RequestModel):
    description: Text | None = None
    instance_schema: Raw = None
    solution_schema: Raw = None
    config_schema: Raw = None
    instance_checks_schema: Raw
    solution_checks_schema: Raw
    kpis_schema: Raw


class DeployedWorkflowReply(ReplyModel):
    id: str
    description: str | None
    instance_schema: Any
    solution_schema: Any
    config_schema: Any
    instance_checks_schema: Any
    solution_checks_schema: Any
    kpis_schema: Any


class InstanceChecksRequest(RequestModel):
    checks: Raw = None


class CaseChecksRequest(RequestModel):
    checks: Raw = None
    solution_checks: Raw = None
    kpis: Raw = None
