"""`parity suite examples/library/parity.toml -- pytest examples/library`: where the suite's requests go."""

from typing import Any

from library_port.app import Settings, create_app

LEGACY = ("library_flask",)


def settings_from(flask_app: Any, database_url: str) -> Settings:
    """Asked before each request: what a test changes in `app.config`, the port sees."""
    return Settings(
        database_url=database_url,
        loan_days=flask_app.config["LOAN_DAYS"],
        sign_up_open=flask_app.config["SIGN_UP_OPEN"],
    )


def create_port(settings: Settings, flask_app: Any) -> Any:
    return create_app(settings)
