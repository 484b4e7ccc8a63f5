"""What `parity suite cornflow` asks: the port that answers the requests of a suite of Cornflow's."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cornflow_f.config import Settings

LEGACY = ("cornflow", "cornflow_client")
"""Its client for Airflow is a package of its own; suites replace that one, too."""

_OTHER_NAMES = {
    "secret_key": "SECRET_TOKEN_KEY",
    "database_url": "SQLALCHEMY_DATABASE_URI",
    "env": "ENV",
    "databricks_url": "DATABRICKS_URL",
    "databricks_auth_secret": "DATABRICKS_AUTH_SECRET",
    "alarms_endpoints": "ALARMS_ENDPOINTS",
}
"""Where the application's `config` does not call a setting by the name of its field."""


def settings_from(flask_app: Any, database_url: str | None) -> "Settings":
    """The port's settings for what `flask_app.config` holds now."""
    from cornflow_f.config import AuthType, Settings, SignupMode

    config: Mapping[str, Any] = flask_app.config
    values: dict[str, Any] = {}
    for field, about in Settings.model_fields.items():
        name = _OTHER_NAMES.get(field, field.upper())
        if name in config and (config[name] is not None or about.default is None):
            values[field] = config[name]
    values["database_url"] = database_url or config["SQLALCHEMY_DATABASE_URI"]
    values["alarms_endpoints"] = str(config.get("ALARMS_ENDPOINTS") or "")
    values["oid_provider_type"] = int(config.get("OID_PROVIDER_TYPE", 2))
    if int(config["AUTH_TYPE"]) != AuthType.LDAP:
        # the health check reads the environment, whatever the configuration says
        values["cornflow_service_user"] = os.environ.get("CORNFLOW_SERVICE_USER")
    rules = {rule.rule for rule in flask_app.url_map.iter_rules()}
    values["signup_activated"] = _signup(config, "/signup/" in rules, SignupMode)
    values["execution_files_path"] = Path(config["EXECUTION_FILES_PATH"])
    return Settings(**values)


def _signup(config: Mapping[str, Any], has_route: bool, modes: Any) -> Any:
    """Whether the route exists was decided when the application was made, who may use it is asked now."""
    mode = modes(int(config["SIGNUP_ACTIVATED"]))
    if not has_route:
        return modes.OFF
    return modes.AUTHENTICATED if mode is modes.OFF else mode


def create_port(settings: "Settings", flask_app: Any) -> Any:
    from cornflow_cutover.suite.doubles import show_doubles
    from cornflow_f.main import create_app

    app = create_app(settings)
    show_doubles(app, flask_app)
    return app
