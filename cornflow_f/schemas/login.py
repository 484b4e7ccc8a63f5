"""Log-in and tokens. Source: the legacy's ``schemas/user.py``."""

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.validation.marshmallow import RequestModel, Text


class LoginRequest(RequestModel):
    username: Text
    password: Text


class OpenIdLoginRequest(RequestModel):
    """The token of the provider is in the header; only a service user may send name and password."""

    username: Text = ""
    password: Text = ""


class LoggedIn(ReplyModel):
    change_password: bool
    """The password is older than `PWD_ROTATION_TIME`."""
    token: str
    id: int


class LoggedInElsewhere(ReplyModel):
    """Whoever keeps the password also keeps its age."""

    token: str
    id: int


class SignedUp(ReplyModel):
    token: str
    id: int


class TokenValidity(ReplyModel):
    valid: int
    """1 when the token opens a session, else 0."""
