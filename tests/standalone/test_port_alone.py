"""The port as a user installs it: no legacy, no Flask, no marshmallow; it must serve all the same."""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

PASSWORD = "Standalone-1!"


@pytest.mark.parametrize(
    "package", ["cornflow", "flask", "marshmallow", "webargs", "flask_restful"]
)
def test_the_legacy_is_not_here(package: str) -> None:
    assert importlib.util.find_spec(package) is None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    database = tmp_path_factory.mktemp("data") / "cornflow.db"
    return os.environ | {
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "a-secret-of-the-standalone-tests",
        "FLASK_ENV": "production",
        "SIGNUP_ACTIVATED": "1",
        "CORNFLOW_SERVICE_USER": "service_user",
    }


def command(environment: dict[str, str], *arguments: str) -> str:
    program = Path(sys.executable).with_name("cornflow-f")
    done = subprocess.run(
        [program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def address(environment: dict[str, str]) -> Iterator[str]:
    command(environment, "migrations", "upgrade")
    command(environment, "permissions", "init")
    for role, name in (("admin", "admin"), ("service", "service_user")):
        command(
            environment,
            *("users", "create", role),
            *("-u", name, "-e", f"{name}@cornflow.org", "-p", PASSWORD),
        )
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = Path(sys.executable).with_name("cornflow-f")
    server = subprocess.Popen(
        [program, "serve", "--host", "127.0.0.1", "--port", str(port)], env=environment
    )
    try:
        wait_for(f"{url}/health/")
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).status_code == 200:
                return
        time.sleep(0.2)
    pytest.fail(f"{url} did not answer within a minute")


def test_an_administrator_logs_in_and_lists_the_users(address: str) -> None:
    credentials = {"username": "admin", "password": PASSWORD}
    login = httpx.post(f"{address}/login/", json=credentials)
    assert login.status_code == 200, login.text
    headers = {"Authorization": f"Bearer {login.json()['token']}"}
    users = httpx.get(f"{address}/user/", headers=headers).json()
    assert [user["username"] for user in users] == ["admin", "service_user"]


def test_health_finds_the_service_user(address: str) -> None:
    assert httpx.get(f"{address}/health/").json()["cornflow_status"] == "healthy"


MPS = """NAME          PROBLEM
ROWS
 N  COST
 L  LIMIT
COLUMNS
    X         COST      -1.0   LIMIT     1.0
RHS
    RHS       LIMIT     4.0
ENDATA
"""


def test_an_mps_file_becomes_an_instance(address: str) -> None:
    credentials = {"username": "admin", "password": PASSWORD}
    token = httpx.post(f"{address}/login/", json=credentials).json()["token"]
    reply = httpx.post(
        f"{address}/instancefile/",
        headers={"Authorization": f"Bearer {token}"},
        data={"name": "a problem", "description": "of four", "minimize": "1"},
        files={"file": ("problem.mps", MPS)},
    )
    assert reply.status_code == 201, reply.text


def test_the_documents_are_served(address: str) -> None:
    assert "/user/{user_id}/" in httpx.get(f"{address}/openapi.json").json()["paths"]
    assert httpx.get(f"{address}/docs").status_code == 200
