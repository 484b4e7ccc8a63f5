"""Permissions: which role may do what on which view. Source: the legacy's ``schemas/permissions.py``."""

from typing import Annotated

from pydantic import BeforeValidator

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.validation.marshmallow import Int, RequestModel


class PermissionRequest(RequestModel):
    action_id: Int = 0
    role_id: Int = 0
    api_view_id: Int = 0


class PermissionReply(ReplyModel):
    id: int
    action_id: int
    action: Annotated[str, BeforeValidator(lambda action: action.name.replace("_", " "))]
    api_view_id: int
    api_view: Annotated[str, BeforeValidator(lambda view: view.name)]
    role_id: int
    role: Annotated[str, BeforeValidator(lambda role: role.name)]
