"""Assignments of roles to users. Source: the legacy's ``schemas/user_role.py``."""

from typing import Annotated

from pydantic import BeforeValidator

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.validation.marshmallow import Int, RequestModel


class UserRoleRequest(RequestModel):
    """Both are needed, though the legacy's schema does not say so: see the service."""

    user_id: Int = 0
    role_id: Int = 0


class UserRoleReply(ReplyModel):
    user_id: int
    role_id: int
    id: int
    user: Annotated[str, BeforeValidator(lambda user: user.username)]
    role: Annotated[str, BeforeValidator(lambda role: role.name)]
