"""A lending library in Flask, as somebody may have written it years ago: the stack to be replaced."""

import os
from typing import Any

from flask import Flask

from library_flask.models import db
from library_flask.views import api


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """Settings come from the environment; ``config`` is for tests."""
    app = Flask(__name__)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=os.environ.get("DATABASE_URL", "sqlite://").replace(
            "postgresql:", "postgresql+psycopg2:"
        ),
        LOAN_DAYS=14,
        SIGN_UP_OPEN=True,
    )
    app.config.update(config or {})
    db.init_app(app)
    app.register_blueprint(api)
    return app
