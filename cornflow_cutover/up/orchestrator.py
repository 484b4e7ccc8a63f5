"""Who solves for `cutover up`: the embedded runner as a process beside it, or an Airflow elsewhere."""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from cornflow_cutover.up.attached import Attached
from cornflow_cutover.up.data_folder import SERVICE_USER, DataFolder
from cornflow_cutover.up.steps import UpError
from legacy_bridge.serve import ServeError, listen
from parity_core import private

_MODULE = "embedded_runner.cli"
_USER = "cornflow"
_REMEMBERED = "runner"
"""The fact of the data folder that holds the runner's last address."""

_LOCK_PATIENCE = 20.0
"""Seconds for the runner of a killed start to go: it ends itself, in good order."""
_READY_PATIENCE = 120.0
_REGISTERED = "registered in Cornflow: "
_NOT_REGISTERED = "could not be registered"
"""Words of the runner's log (embedded_runner.server, keep_registering)."""

_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
"""Seconds before a runner that ended is started again."""


@dataclass(frozen=True)
class Orchestrator:
    """What both stacks are told of it, in the variables they know."""

    url: str
    user: str
    password: str
    embedded: bool

    def environment(self) -> dict[str, str]:
        return {
            "AIRFLOW_URL": self.url,
            "AIRFLOW_USER": self.user,
            "AIRFLOW_PWD": self.password,
        }


def choose(folder: DataFolder, airflow_url: str | None, runner_port: int) -> Orchestrator:
    """The given Airflow, or a runner at a port that is free now."""
    known = folder.remembered().get(_REMEMBERED, "")
    # A shell that has sourced this folder's variables names our own runner, not an Airflow.
    if airflow_url and airflow_url != known:
        user = os.environ.get("AIRFLOW_USER", "admin")
        return Orchestrator(airflow_url, user, os.environ.get("AIRFLOW_PWD", "admin"), False)
    if find_spec("embedded_runner") is None:
        raise UpError(
            "nothing solves on this machine: pip install 'cornflow-cutover[runner]', or --airflow-url URL"
        )
    url = f"http://127.0.0.1:{_free_port(runner_port, known)}"
    folder.remember(**{_REMEMBERED: url})
    return Orchestrator(url, _USER, folder.secrets().runner_password, True)


def _free_port(wanted: int, known: str) -> int:
    last = urlsplit(known).port
    if not wanted and last:
        # The address of the last start, if it can be had: shells know it.
        with contextlib.suppress(ServeError):
            return _probe(last)
    try:
        return _probe(wanted)
    except ServeError as error:
        raise UpError(f"the runner's port: {error}".replace("--port", "--runner-port")) from None


def _probe(port: int) -> int:
    with listen("127.0.0.1", port) as taken:
        return int(taken.getsockname()[1])


class EmbeddedRunner:
    """The runner's process; started again when it ends while it should not."""

    def __init__(
        self,
        folder: DataFolder,
        orchestrator: Orchestrator,
        cornflow_url: str,
        environment: Mapping[str, str],
    ) -> None:
        self._folder = folder
        self._orchestrator = orchestrator
        self._words = (
            "serve", "--register", "--port", str(urlsplit(orchestrator.url).port),
            "--data", str(folder.runner), "--cornflow-url", cornflow_url,
        )  # fmt: skip
        self._environment = {
            **environment,
            **orchestrator.environment(),
            "CORNFLOW_SERVICE_USER": SERVICE_USER,
            "CORNFLOW_SERVICE_PWD": folder.secrets().service_password,
        }
        # It would win over the address given here.
        self._environment.pop("AIRFLOW_CONN_CF_URI", None)
        self._process: Attached | None = None

    def start(self) -> None:
        self._folder.runner.mkdir(mode=0o700, exist_ok=True)
        self._wait_for_predecessor()
        with private.open_file(self._folder.runner_log, "wb") as log:
            self._process = Attached(
                _MODULE, *self._words, environment=self._environment, output=log
            )

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    async def registered(self) -> str:
        """What it has registered in Cornflow, in its own words; UpError if that does not happen.

        Its log is what tells: Cornflow may know the applications from an earlier start.
        """
        deadline = time.monotonic() + _READY_PATIENCE
        while time.monotonic() < deadline:
            ended = self._process is None or self._process.code is not None
            for line in self._log_end().splitlines():
                _, marker, names = line.partition(_REGISTERED)
                if marker:
                    return names
                ended = ended or _NOT_REGISTERED in line
            if ended:
                raise UpError(f"the runner can't work:\n{self._log_end()}")
            await asyncio.sleep(0.2)
        raise UpError(
            f"the runner registered no applications in {_READY_PATIENCE:.0f} s:\n{self._log_end()}"
        )

    async def keep(self, console: Console) -> None:
        """Starts it again whenever it ends; runs until it is cancelled."""
        pause = _PAUSE
        while self._process is not None:
            started = time.monotonic()
            code = await self._process.end()
            if time.monotonic() - started > _LONGEST_PAUSE:
                pause = _PAUSE
            console.print(
                f"[red]✗[/] the runner ended ({code}); starting it again in {pause:.0f} s. It said:\n"
                + escape(self._log_end(5))
            )
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
            await asyncio.to_thread(self.start)

    def _wait_for_predecessor(self) -> None:
        deadline = time.monotonic() + _LOCK_PATIENCE
        with private.open_file(self._folder.runner / "lock", "a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise UpError(
                            f"another runner uses {self._folder.runner} and does not end: stop it"
                        ) from None
                    time.sleep(0.1)

    def _log_end(self, lines: int = 20) -> str:
        try:
            text = self._folder.runner_log.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])
