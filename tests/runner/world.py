"""The real legacy as a server and the runner as another, as processes that tests may end at will."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from parity_tests.stage.process import free_port

_T = TypeVar("_T")

DRILL = "embedded_runner.applications.drill:Drill"
ROOT = Path(__file__).resolve().parents[2]
AIRFLOW = ("airflow", "airflow-pw")
RUNNING = (0, -7, -5)
"""States of an execution that are not final: running, queued, unknown."""
PATIENCE = 180.0

_SEED = """
import os, warnings
warnings.filterwarnings("ignore")
import cornflow
from cornflow.app import create_app
app = create_app("production")
with app.app_context():
    from flask_migrate import upgrade
    upgrade(directory=os.path.join(os.path.dirname(cornflow.__file__), "migrations"))
    from cornflow.commands import access_init_command, create_user_with_role
    access_init_command()
    for name, role in (("planner", 2), ("service_user", 4)):
        create_user_with_role(name, name + "@cornflow.org", name.capitalize() + "-pw1!", name, role)
"""

_REGISTER = """
import warnings
warnings.filterwarnings("ignore")
import os
from cornflow.app import create_app
app = create_app("production")
with app.app_context():
    from cornflow.commands import (
        register_dag_permissions_command, register_deployed_dags_command, update_dag_registry_command,
        update_schemas_command,
    )
    told = (os.environ["AIRFLOW_URL"], os.environ["AIRFLOW_USER"], os.environ["AIRFLOW_PWD"])
    assert register_deployed_dags_command(*told)
    register_dag_permissions_command(1)
    assert update_schemas_command(*told)
    assert update_dag_registry_command(*told)
"""


def until(ask: Callable[[], _T | None], what: str, patience: float = PATIENCE) -> _T:
    """The first true answer; fails when there is none in time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {patience:.0f} s")


class Server:
    """One process on one port, which can be ended and started again."""

    def __init__(
        self,
        command: list[str],
        port: int,
        health: str,
        environment: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.command, self.port, self.health = command, port, health
        self.environment, self.folder = dict(environment), folder
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self, wait: bool = True) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if wait:
            until(self.answers, f"{self.command} answers; its log:\n{self.log}")

    def answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log
        try:
            return httpx.get(self.url + self.health, timeout=60, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """As the kernel would: at once, with no last word. Its children get no signal from us
        but where they are in its process group, as gunicorn's are."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)
        self.process = None

    def stop(self) -> None:
        """As a service manager would; a server that ends in good order ends by the signal."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) in (0, -signal.SIGTERM), self.log
        self.process = None

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


class World:
    """A legacy with its database, and where its runner is to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner_port = free_port()
        port = free_port()
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "DATABASE_URL": f"sqlite:///{folder / 'cornflow.db'}",
            "DEFAULT_POSTGRES": "0",
            "SECRET_KEY": "a-secret-of-the-tests-that-is-long-enough",
            "SECRET_BI_KEY": "another-secret-of-the-tests-long-enough",
            "FLASK_ENV": "production",
            "CF_ALARMS_ENDPOINT": "1",
            "AIRFLOW_URL": f"http://127.0.0.1:{self.runner_port}",
            "AIRFLOW_USER": AIRFLOW[0],
            "AIRFLOW_PWD": AIRFLOW[1],
            "CORNFLOW_SERVICE_USER": "service_user",
            "CORNFLOW_SERVICE_PWD": "Service_user-pw1!",
            "CORNFLOW_URL": f"http://127.0.0.1:{port}",
            "LOG_LEVEL": "40",
        }
        self.python(_SEED)
        self.legacy = Server(
            [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "4", "-b",
             f"127.0.0.1:{port}", "cornflow.app:create_app('production')"],
            port, "/health/", self.environment, folder / "legacy",
        )  # fmt: skip
        self.legacy.start()
        reply = httpx.post(
            self.legacy.url + "/login/",
            json={"username": "planner", "password": "Planner-pw1!"},
            trust_env=False,
        )
        token = reply.raise_for_status().json()["token"]
        self.http = httpx.Client(
            base_url=self.legacy.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )
        self.airflow = httpx.Client(
            base_url=f"http://127.0.0.1:{self.runner_port}",
            auth=AIRFLOW,
            timeout=60,
            trust_env=False,
        )

    def python(self, code: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def register_as_the_legacy_does(self) -> None:
        self.python(_REGISTER)

    def runner(self, data: Path, *options: str) -> Server:
        """Not started yet."""
        command = [
            sys.executable,
            "-m",
            "embedded_runner",
            "serve",
            "--port",
            str(self.runner_port),
        ]
        command += ["--data", str(data), "--application", DRILL, *options]
        return Server(command, self.runner_port, "/api/v1/health", self.environment, data)

    def close(self) -> None:
        self.http.close()
        self.airflow.close()
        self.legacy.close()

    # what a user does

    def instance(self, schema: str, data: Any) -> str:
        body = {"name": "test", "schema": schema, "data": data}
        reply = self.http.post("/instance/", json=body)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def execute(
        self, schema: str, data: Any, config: Mapping[str, Any] | None = None, status: int = 201
    ) -> str:
        instance = self.instance(schema, data)
        body = {"name": "test", "schema": schema, "instance_id": instance, "config": config or {}}
        reply = self.http.post("/execution/", json=body)
        assert reply.status_code == status, reply.text
        return str(reply.json().get("id") or self.newest())

    def drill(self, do: str, seconds: float = 0) -> str:
        return self.execute("drill", {"do": do, "seconds": seconds})

    def newest(self) -> str:
        return str(self.http.get("/execution/?limit=1").json()[0]["id"])

    def state(self, execution: str) -> int:
        """As a client sees it: asking makes Cornflow ask the runner."""
        return int(self.http.get(f"/execution/{execution}/status/").json()["state"])

    def stored_state(self, execution: str) -> int:
        """As it is in the database; asking changes nothing."""
        return int(self.http.get(f"/execution/{execution}/").json()["state"])

    def log(self, execution: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/execution/{execution}/log/").json()
        return found

    def data(self, execution: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/execution/{execution}/data/").json()
        return found

    def end(self, execution: str) -> int:
        """The final state, as written in the database without anybody asking for it."""
        until(lambda: self.stored_state(execution) not in RUNNING, f"{execution} ends")
        return self.stored_state(execution)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.airflow.get("/status").json()
        return found

    def internal_runs_done(self) -> dict[str, str] | None:
        runs = self.status()["runs"]
        names = ("update_all_schemas", "update_dag_registry")
        states = {run["workflow"]: run["state"] for run in runs if run["workflow"] in names}
        done = len(states) == len(names) and not {"queued", "running"} & set(states.values())
        return states if done else None

    def worker(self, execution: str) -> int:
        """The pid of the worker process that solves an execution, once it does."""

        def ask() -> int | None:
            run = self.run(execution)
            path = f"/api/v1/dags/{run['workflow']}/dagRuns/{run['run']}/taskInstances"
            pid = self.airflow.get(path).json()["task_instances"][0]["pid"]
            log = self.airflow.get(f"{path}/{run['workflow']}/logs/1").text
            return pid if "drill:" in log else None

        return until(ask, "the drill has begun")

    def run(self, execution: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            run for run in self.status()["runs"] if run["execution"] == execution
        )
        return found
