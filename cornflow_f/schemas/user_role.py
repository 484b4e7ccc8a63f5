"""Assignments of roles to users. Source: the legacy's ``schemas/user_role.py``."""

from typing import Annotated

from pydantic import BeforeValidator

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.validation import Int, RequestModel


class UserRoleRequest(RequestModel):
    """Both are required: the legacy fails with a 500 when one is missing."""

    user_id: Int
    role_id: Int


class UserRoleReply(ReplyModel):
    user_id: int
    role_id: int
    id: int
    user: Annotated[str, BeforeValidator(lambda user: user.username)]
    role: Annotated[str, BeforeValidator(lambda role: role.name)]
