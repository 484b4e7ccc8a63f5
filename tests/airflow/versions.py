"""A real Airflow of any version on loopback, whose secrets can be changed. It knows no Cornflow: its one DAG sleeps."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import httpx

from tests.airflow import environment
from tests.airflow.api import PASSWORD, USER
from tests.airflow.server import end, sessions
from tests.runner.world import Server, until

DAG = "sleeping"
_DAGS = Path(__file__).parent / "plain_dags"
_PATIENCE = 300.0


class VersionedAirflow:
    """Of the list `name` in requirements/."""

    def __init__(self, name: str, folder: Path, database_url: str, port: int) -> None:
        self.is_new = name == "airflow-3"
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self._program = str(environment.python(name).parent / "airflow")
        self._database_url = database_url
        self._servers: list[Server] = []
        self.version = ""

    def start(self) -> None:
        shutil.copytree(_DAGS, self.folder / "dags", dirs_exist_ok=True)
        passwords = self.folder / "passwords.json"
        passwords.write_text(json.dumps({USER: PASSWORD}))
        self._settings = self._environment()
        self.version = self._run("version")
        self._run("db", "migrate")
        if not self.is_new:
            name = ("--username", USER, "--password", PASSWORD, "--email", "a@example.org")
            self._run("users", "create", *name, "--firstname", "A", "--lastname", "A", "--role", "Admin")  # fmt: skip
        self._start_servers()
        until(self._knows_dag, f"Airflow has read its DAG; its logs: {self.folder}", _PATIENCE)

    def change_secrets(self) -> None:
        """As a container that is made anew without a kept configuration: it draws its secrets again."""
        self._stop_servers()
        self._settings |= _secrets()
        self._start_servers()

    def stop(self) -> None:
        self._stop_servers()

    def token(self) -> str:
        reply = httpx.post(
            f"{self.url}/auth/token", json={"username": USER, "password": PASSWORD}, timeout=60
        )
        return str(reply.raise_for_status().json()["access_token"])

    def with_token(self, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{self.url}/api/v2/dags/{DAG}", headers=headers, timeout=60)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        kept.pop("PYTHONPATH", None)
        driver = self._database_url.replace("postgresql://", "postgresql+psycopg2://", 1)
        return {
            **kept,
            "PATH": f"{Path(self._program).parent}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__FERNET_KEY": _key(),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(
                self.folder / "passwords.json"
            ),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__BASE_URL": self.url,
            # a busy machine: by default a task gives its server up after 5 s
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": driver,
            "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
            "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(self.port),
            "AIRFLOW__WEBSERVER__WORKERS": "1",
            **_secrets(),
        }

    def _start_servers(self) -> None:
        commands: list[tuple[str, ...]] = [("webserver",), ("scheduler", "--skip-serve-logs")]
        if self.is_new:
            web = ("api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
            commands = [web, ("scheduler", "--skip-serve-logs"), ("dag-processor",)]
        self._servers = [
            Server([self._program, *words], self.port, "", self._settings, self.folder / words[0])
            for words in commands
        ]
        for one in self._servers:
            one.start(wait=False)
        until(self._healthy, f"Airflow is healthy; its logs: {self.folder}", _PATIENCE)

    def _stop_servers(self) -> None:
        leaders = {one.process.pid for one in self._servers if one.process}
        belonging = {pid for pid, session in sessions() if session in leaders}
        for one in self._servers:
            one.close()
        # tasks lead process groups of their own: a scheduler that was ended leaves them behind
        end(belonging | {pid for pid, session in sessions() if session in leaders}, signal.SIGKILL)
        self._servers = []

    def _healthy(self) -> bool:
        for one in self._servers:
            assert one.process is not None
            assert one.process.poll() is None, one.log[-4000:]
        path = "/api/v2/monitor/health" if self.is_new else "/api/v1/health"
        try:
            told = httpx.get(self.url + path, timeout=10, trust_env=False).json()
            return all(told[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))
        except (httpx.HTTPError, ValueError, KeyError):
            return False

    def _knows_dag(self) -> bool:
        with suppress(httpx.HTTPError):
            if self.is_new:
                return self.with_token(self.token()).status_code == 200
            known = httpx.get(f"{self.url}/api/v1/dags/{DAG}", auth=(USER, PASSWORD), timeout=60)
            return known.status_code == 200
        return False

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [self._program, *words],
            env=self._settings,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def _secrets() -> dict[str, str]:
    key = _key()
    return {
        "AIRFLOW__WEBSERVER__SECRET_KEY": key,
        "AIRFLOW__API__SECRET_KEY": key,
        "AIRFLOW__API_AUTH__JWT_SECRET": key,
    }


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
