"""Settings, read from the environment under the legacy's own variable names.

Source of names and defaults: the legacy's ``config.py``. A value that is wrong stops the start with
a message that names the variable, where the legacy would fail later or misbehave.
"""

import os
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class AuthType(IntEnum):
    OID = 0
    DATABASE = 1
    LDAP = 2
    OAUTH = 4


class SignupMode(IntEnum):
    """What `SIGNUP_ACTIVATED` may be: no endpoint, open to all, or administrators only."""

    OFF = 0
    OPEN = 1
    AUTHENTICATED = 2


class Backend(IntEnum):
    AIRFLOW = 1
    DATABRICKS = 2


class OidProviderType(IntEnum):
    AZURE = 1
    OTHER = 2


class Settings(BaseSettings):
    """All that the server can be told. Field `x` is environment variable `X` unless an alias says otherwise."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, frozen=True)

    env: Annotated[str, Field(alias="FLASK_ENV")] = "development"
    """`production` hides the details of an internal error from the client."""

    application_root: str = "/"
    external_app: int = 0
    external_app_module: str = "external_app"
    ported_external_app_module: Annotated[str, Field(alias="CORNFLOW_F_EXTERNAL_APP_MODULE")] = ""
    """The module to load instead, while the legacy loads its own from EXTERNAL_APP_MODULE. The port's
    own variable."""
    service_name: str = "Cornflow"
    secret_key: str | None = None
    secret_bi_key: str | None = None
    database_url: str = "sqlite:///cornflow.db"

    auth_type: AuthType = AuthType.DATABASE
    default_role: int = 2
    cors_origins: str = "*"
    log_level: int = 20
    signup_activated: SignupMode = SignupMode.AUTHENTICATED
    cornflow_service_user: str | None = None
    """None when the variable is not set: the health check then finds no service user, as in the legacy."""

    cornflow_backend: Backend = Backend.AIRFLOW

    airflow_url: str | None = None
    airflow_user: str | None = None
    airflow_pwd: str | None = None

    databricks_url: Annotated[str | None, Field(alias="DATABRICKS_HOST")] = None
    databricks_auth_secret: Annotated[str | None, Field(alias="DATABRICKS_CLIENT_SECRET")] = None
    databricks_token_endpoint: str | None = None
    databricks_ep_clusters: str | None = None
    databricks_client_id: str | None = None
    databricks_health_path: str = "default path"

    orchestrator_timeout: Annotated[float, Field(alias="CORNFLOW_F_ORCHESTRATOR_TIMEOUT", gt=0)] = (
        30
    )
    """Seconds to wait for a reply of the orchestrator. The port's own variable."""

    service_user_allow_password_login: int = 1
    open_deployment: int = 1
    user_access_all_objects: int = 0

    ldap_host: str = "ldap://openldap:389"
    ldap_bind_dn: str = "cn=admin,dc=example,dc=org"
    ldap_bind_password: str = "admin"
    ldap_username_attribute: str = "cn"
    ldap_user_base: str = "ou=users,dc=example,dc=org"
    ldap_service_base: str | None = None
    ldap_email_attribute: str = "mail"
    ldap_user_object_class: str = "inetOrgPerson"
    ldap_group_object_class: str = "groupOfNames"
    ldap_group_attribute: str = "cn"
    ldap_group_base: str = "dc=example,dc=org"
    ldap_group_to_role_service: str = "service"
    ldap_group_to_role_admin: str = "administrators"
    ldap_group_to_role_viewer: str = "viewers"
    ldap_group_to_role_planner: str = "planners"
    ldap_protocol_version: int = 3
    ldap_use_tls: str = "False"

    oid_provider: str | None = None
    oid_provider_type: OidProviderType = OidProviderType.OTHER
    oid_expected_audience: str | None = None

    service_email_address: str | None = None
    service_email_password: str | None = None
    service_email_server: str | None = None
    service_email_port: int | None = None

    alarms_endpoints: Annotated[str, Field(alias="CF_ALARMS_ENDPOINT")] = ""
    execution_files: int = 0
    execution_files_path: Path = Field(default_factory=lambda: Path.cwd() / "execution_files")
    execution_files_cleanup_frequency: int = 90

    token_duration: float = 24
    """Hours. Zero and less make tokens that have expired, as in the legacy."""

    pwd_rotation_time: int = 120
    """Days."""

    db_pool_size: Annotated[int, Field(alias="CORNFLOW_F_DB_POOL_SIZE", ge=1)] = 10
    """Connections a worker keeps open. The port's own variable."""

    max_inflated_bytes: Annotated[int, Field(alias="CORNFLOW_F_MAX_INFLATED_BYTES", ge=1)] = (
        256 * 1024 * 1024
    )
    """What a gzip-encoded body may inflate to; a larger one is a 413. The port's own variable."""

    max_json_values: Annotated[int, Field(alias="CORNFLOW_F_MAX_JSON_VALUES", ge=1)] = 5_000_000
    """Values (numbers, texts, objects, lists …) of a JSON body; more are a 413. The port's own variable."""

    max_body_bytes: Annotated[int, Field(alias="CORNFLOW_F_MAX_BODY_BYTES", ge=1)] = (
        256 * 1024 * 1024
    )
    """What a body may have as it is sent; a larger one is a 413. The port's own variable."""

    max_open_body_bytes: Annotated[int, Field(alias="CORNFLOW_F_MAX_OPEN_BODY_BYTES", ge=1)] = (
        1024 * 1024
    )
    """The same where no token is asked for, as at the log-in. The port's own variable."""

    body_limits: Annotated[dict[str, int], NoDecode, Field(alias="CORNFLOW_F_BODY_LIMITS")] = {}
    """The same for single operations, `POST /case/=1000000; PUT /dag/<string:idx>/=5000000`. The port's
    own variable."""

    head_seconds: Annotated[float, Field(alias="CORNFLOW_F_HEAD_SECONDS", gt=0)] = 60
    """How long a client may take to send the head of a request; then 408. The port's own variable."""

    body_seconds: Annotated[float, Field(alias="CORNFLOW_F_BODY_SECONDS", gt=0)] = 120
    """The same for a body, and one second more for each 500 bytes of it. The port's own variable."""

    max_connections: Annotated[int, Field(alias="CORNFLOW_F_MAX_CONNECTIONS", ge=0)] = 0
    """Connections that a worker takes; more are a 503. 0: three quarters of the files that it may open
    (`ulimit -n`), 10,000 at most. The port's own variable."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @field_validator("body_limits", mode="before")
    @classmethod
    def _limits_by_operation(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        limits = {}
        for entry in filter(None, (part.strip() for part in value.split(";"))):
            operation, _, number = entry.rpartition("=")
            if not number.strip().isdigit() or " " not in operation:
                raise ValueError(f"CORNFLOW_F_BODY_LIMITS: '{entry}' is not 'METHOD /rule/=BYTES'")
            limits[" ".join(operation.split())] = int(number)
        return limits

    def body_limit(self, method: str, rule: str, guarded: bool) -> int:
        """The most bytes of a body of this operation."""
        own = self.body_limits.get(f"{method} {rule}") if self.body_limits else None
        if own is not None:
            return own
        return (
            self.max_body_bytes if guarded else min(self.max_open_body_bytes, self.max_body_bytes)
        )

    @field_validator("user_access_all_objects")
    @classmethod
    def _known_access(cls, value: int) -> int:
        if value not in (0, 1):
            raise ValueError("USER_ACCESS_ALL_OBJECTS must be 0 (own objects) or 1 (all objects)")
        return value

    @field_validator("token_duration", mode="before")
    @classmethod
    def _usable_duration(cls, value: Any) -> float:
        # legacy-5xx: it takes any text, and then fails on every log-in.
        try:
            # parity: whatever Python reads as a number: " 24 ", "1_0", "1e3"
            hours = float(value)
            datetime.now(UTC) + timedelta(hours=hours)
        except (OverflowError, TypeError, ValueError) as error:
            raise ValueError(
                "TOKEN_DURATION must be a number of hours after which it is still a year before 10000"
            ) from error
        return hours

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: int) -> int:
        if value not in (0, 10, 20, 30, 40, 50):
            raise ValueError("LOG_LEVEL must be one of 0, 10, 20, 30, 40, 50")
        return value

    @field_validator("application_root")
    @classmethod
    def _rooted(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError("APPLICATION_ROOT must start with '/'")
        return value if value == "/" else value.rstrip("/")

    @property
    def external_module(self) -> str | None:
        """The module of the external application, if there is one."""
        # parity: any number but 0 is yes (cli/utils.py, get_app)
        if self.external_app == 0:
            return None
        return self.ported_external_app_module or self.external_app_module

    @property
    def alarms_enabled(self) -> bool:
        # parity: any non-empty string switches the routes on, "0" too (config.py, ALARMS_ENDPOINTS)
        return bool(self.alarms_endpoints)

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def service_base(self) -> str:
        return self.ldap_service_base or self.ldap_user_base


def database_url_from_environment() -> str:
    """The address the command line uses: `DATABASE_URL`, or the parts when `DEFAULT_POSTGRES` is set.

    Source: the legacy's ``cli/utils.py``, get_db_conn.
    """
    env = os.environ
    if int(env.get("DEFAULT_POSTGRES", "0")) == 0:
        return env.get("DATABASE_URL", "sqlite:///cornflow.db")
    user = env.get("CORNFLOW_DB_USER", "cornflow")
    password = env.get("CORNFLOW_DB_PASSWORD", "cornflow")
    host = env.get("CORNFLOW_DB_HOST", "cornflow_db")
    port = env.get("CORNFLOW_DB_PORT", "5432")
    name = env.get("CORNFLOW_DB", "cornflow")
    # The legacy puts them together as they are, and can't read the result when a password holds an @.
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return env.get("cornflow_db_conn", f"postgresql://{credentials}@{host}:{port}/{quote(name)}")
