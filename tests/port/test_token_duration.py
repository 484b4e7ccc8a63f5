"""How long a token is good: what the legacy can't make a token with stops the port's start."""

from types import SimpleNamespace

import flask
import pytest
from pydantic import ValidationError

from cornflow_f.config import Settings
from cornflow_f.security import create_token

auth = pytest.importorskip("cornflow.shared.authentication.auth")
pytestmark = pytest.mark.legacy

SECRET = "a-secret-of-the-tests-that-is-long-enough"


def legacy_makes_a_token(duration: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    app = flask.Flask(__name__)
    app.config.update(SECRET_TOKEN_KEY=SECRET, TOKEN_DURATION=duration)
    user = SimpleNamespace(username="admin")
    monkeypatch.setattr(auth, "UserModel", SimpleNamespace(get_one_user=lambda _: user))
    with app.app_context():
        try:
            auth.Auth.generate_token(1)
        except (OverflowError, ValueError):
            # A 500 at every log-in.
            return False
    return True


DURATIONS = [
    "24", "0", "-1", "0.5", "-0.0", " 24 ", "1_0", "1e3", "24\n", "+24", "\u0661\u0662", "1e-9", "6e7",
    "-1e6", "1e8", "-1e8", "1e12", "1e400", "-1e400", "inf", "-inf", "nan", "", " ", "x", "24h", "1,5",
    "None", "0x10", "1e5000", "9" * 400,
]  # fmt: skip


@pytest.mark.parametrize("duration", DURATIONS)
def test_the_start_fails_where_every_log_in_would(
    duration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = legacy_makes_a_token(duration, monkeypatch)
    monkeypatch.setenv("TOKEN_DURATION", duration)
    if good:
        assert Settings().token_duration == float(duration)
        assert create_token(SECRET, "admin", Settings().token_duration)
    else:
        with pytest.raises(ValidationError, match="TOKEN_DURATION must be a number of hours"):
            Settings()
