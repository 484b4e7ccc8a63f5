"""Roles. Source: the legacy's ``schemas/role.py``."""

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.validation.marshmallow import Int, RequestModel, Text


class RoleRequest(RequestModel):
    name: Text = ""


class RoleEditRequest(RoleRequest):
    id: Int = 0


class RoleReply(ReplyModel):
    name: str
    id: int
