"""The real legacy and the real port behind a real `cutover serve`, in processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from parity_tests.stage.process import free_port

ADMIN, ADMIN_PASSWORD = "admin", "Admin-pw1!"

ENVIRONMENT = {
    "SECRET_KEY": "a-secret-of-the-tests-that-is-long-enough",
    "SECRET_BI_KEY": "another-secret-of-the-tests-long-enough",
    "FLASK_ENV": "production",
    "CF_ALARMS_ENDPOINT": "1",
    "AIRFLOW_URL": "http://127.0.0.1:9",
    "AIRFLOW_USER": "airflow",
    "AIRFLOW_PWD": "airflow",
    "CORNFLOW_SERVICE_USER": "service_user",
    "SIGNUP_ACTIVATED": "1",
    "LOG_LEVEL": "40",
}


def environment(folder: Path, **changes: str) -> dict[str, str]:
    url = f"sqlite:///{folder / 'cornflow.db'}"
    return {**os.environ, **ENVIRONMENT, "DATABASE_URL": url, **changes}


def run(module: str, *words: str, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def seed(env: Mapping[str, str]) -> None:
    run("cornflow_f.cli", "migrations", "upgrade", env=env)
    run("cornflow_f.cli", "permissions", "init", env=env)
    for kind, name, word in (
        ("admin", ADMIN, ADMIN_PASSWORD),
        ("service", "service_user", "Service-pw1!"),
    ):
        user = ("-u", name, "-e", f"{name}@cornflow.org", "-p", word)
        run("cornflow_f.cli", "users", "create", kind, *user, env=env)


@contextmanager
def process(
    command: list[str], url: str, env: Mapping[str, str], health: str = "/_cutover/health"
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, from when it answers until the block ends."""
    started = subprocess.Popen(command, env=dict(env))
    try:
        deadline = time.monotonic() + 120
        while True:
            assert started.poll() is None, f"ended at once: {command}"
            assert time.monotonic() < deadline, f"does not start: {command}"
            try:
                httpx.get(url + health, timeout=60)
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(30)


@contextmanager
def cutover_serve(env: Mapping[str, str], *words: str) -> Iterator[str]:
    """The address of a bridge."""
    port = free_port()
    command = [sys.executable, "-m", "legacy_bridge.cli", "serve", "--port", str(port), *words]
    with process(command, f"http://127.0.0.1:{port}", env):
        yield f"http://127.0.0.1:{port}"
