"""A real Airflow on loopback: webserver, scheduler and LocalExecutor, on a PostgreSQL database of its own."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx

from tests.airflow import environment
from tests.airflow.api import PASSWORD, USER, Api
from tests.runner.world import Server, until

ROOT = environment.ROOT
FOLDERS = (ROOT / "examples" / "airflow_dags", ROOT / "tests" / "airflow" / "dags")
_HEALTH = "/api/v1/health"
_START_PATIENCE = 120.0
_STOP_PATIENCE = 6.0


class Airflow(Api):
    """One Airflow whose workers write to one Cornflow, which need not be up yet.

    `account` is Cornflow's service user. What it costs: about 1 GB of memory.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        port: int,
        cornflow: str,
        account: tuple[str, str],
    ) -> None:
        self.folder = folder
        super().__init__(f"http://127.0.0.1:{port}")
        self.took = 0.0
        """Seconds from the start of its processes until it was healthy."""
        python = environment.python()
        self._airflow = str(python.parent / "airflow")
        self._environment = {
            **_without_airflow(os.environ.items()),
            "PATH": f"{_tools(folder, python)}:{python.parent}:{os.environ['PATH']}",
            # applications are imported by DAGs; the folder airflow/ in there is hidden by the package
            "PYTHONPATH": str(ROOT),
            **settings(folder, database_url, port),
            "AIRFLOW_CONN_CF_URI": connection(cornflow, *account),
        }
        self._web = self._server("webserver", port)
        self._scheduler = self._server("scheduler", port, "--skip-serve-logs")

    def _server(self, command: str, port: int, *words: str) -> Server:
        return Server(
            [self._airflow, command, *words],
            port,
            _HEALTH,
            self._environment,
            self.folder / command,
        )

    def start(self) -> None:
        copy_dags(self.folder / "dags")
        self._run("db", "migrate")
        name = ("--username", USER, "--password", PASSWORD, "--email", "airflow@example.org")
        self._run(
            "users", "create", *name, "--firstname", "A", "--lastname", "A", "--role", "Admin"
        )
        started = time.monotonic()
        self._web.start(wait=False)
        self._scheduler.start(wait=False)
        until(self._healthy, f"Airflow is healthy; its logs: {self.folder}", _START_PATIENCE)
        self.took = time.monotonic() - started

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [self._airflow, *words],
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    def _healthy(self) -> bool:
        for server in (self._web, self._scheduler):
            assert server.process is not None
            assert server.process.poll() is None, server.log[-4000:]
        try:
            told = httpx.get(self.url + _HEALTH, timeout=5, trust_env=False).json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(told[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))

    def log(self, dag: str, run: str) -> str:
        """Of the run's only task, from where its worker wrote it."""
        files = sorted((self.folder / "logs" / f"dag_id={dag}" / f"run_id={run}").rglob("*.log"))
        return "\n".join(file.read_text(errors="replace") for file in files)

    def pids(self) -> set[int]:
        """Every process that belongs to it, those of running tasks too."""
        leaders = {server.process.pid for server in (self._web, self._scheduler) if server.process}
        return {pid for pid, session in sessions() if session in leaders}

    def memory(self) -> int:
        """Bytes that belong to its processes; what they share is counted in parts."""
        return sum(_proportional(pid) for pid in self.pids())

    def stop(self) -> None:
        """Nothing of it is left afterwards, whatever state it was in. Takes some seconds at most."""
        self.http.close()
        # tasks lead process groups of their own: a scheduler that was ended leaves them behind
        belonging = self.pids()
        end(belonging, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_PATIENCE
        while self._running() and time.monotonic() < deadline:
            time.sleep(0.1)
        end(belonging | self.pids(), signal.SIGKILL)
        for server in (self._scheduler, self._web):
            server.close()

    def _running(self) -> bool:
        processes = (self._scheduler.process, self._web.process)
        return any(one is not None and one.poll() is None for one in processes)


def end(pids: Iterable[int], sign: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, sign)


def settings(folder: Path, database_url: str, port: int) -> dict[str, str]:
    """Airflow's own configuration, in its environment variables."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    driver = database_url.replace("postgresql://", "postgresql+psycopg2://", 1)
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": key,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": driver,
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth",
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
        "AIRFLOW__WEBSERVER__WORKERS": "1",
        "AIRFLOW__WEBSERVER__SECRET_KEY": key,
        "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
        # the least that lets a test see what it asked for soon
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    }


def connection(cornflow: str, user: str, password: str) -> str:
    """How cornflow_client's DAG helpers are told where Cornflow is. They read the password as it is
    written, so it must be one that an address may hold."""
    assert quote(password, safe="!") == password
    return cornflow.replace("http://", f"cornflow://{user}:{password}@", 1)


def copy_dags(target: Path) -> None:
    """As one would deploy them: all in one folder."""
    target.mkdir(parents=True)
    for source in FOLDERS:
        for file in source.iterdir():
            if file.is_file():
                shutil.copy(file, target)


def _tools(folder: Path, python: Path) -> Path:
    """A folder for the path with a `cbc` in it, PuLP's own where the machine has none.

    Applications that call `cbc` by its name end without a solution where there is none.
    """
    tools = folder / "bin"
    tools.mkdir(parents=True)
    code = "import pulp; print(pulp.apis.PULP_CBC_CMD.pulp_cbc_path)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    (tools / "cbc").symlink_to(shutil.which("cbc") or done.stdout.strip())
    return tools


def _without_airflow(variables: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in variables if not name.startswith("AIRFLOW")}


def sessions() -> Iterator[tuple[int, int]]:
    """Process id and session id of all processes."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            yield int(stat.parent.name), int(fields[3])


def _proportional(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
