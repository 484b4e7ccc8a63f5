"""Users: sign-up, edition, replies. Source: the legacy's ``schemas/user.py``."""

from datetime import datetime

from cornflow_f.schemas.common import PrintedTime, ReplyModel
from cornflow_f.validation.marshmallow import Email, RequestModel, Text


class SignupRequest(RequestModel):
    username: Text
    email: Email
    password: Text
    first_name: Text = ""
    last_name: Text = ""


class UserEditRequest(RequestModel):
    username: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""
    password: Text = ""


class RecoverPasswordRequest(RequestModel):
    email: Text


class UserListed(ReplyModel):
    id: int
    username: str
    first_name: str | None
    last_name: str | None
    email: str
    created_at: PrintedTime
    pwd_last_change: datetime | None


class UserDetail(ReplyModel):
    id: int
    first_name: str | None
    last_name: str | None
    username: str
    email: str
    pwd_last_change: datetime | None
