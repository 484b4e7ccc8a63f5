"""The command `cutover up`: from nothing to both stacks behind one address, solving, shown to be alike."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import httpx
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from cornflow_cutover.up import orchestrator as solving
from cornflow_cutover.up.check import ask_both, log_in, log_in_as_planner, solve_example
from cornflow_cutover.up.data_folder import SERVICE_USER, DataError, DataFolder
from cornflow_cutover.up.orchestrator import EmbeddedRunner, Orchestrator
from cornflow_cutover.up.replay import replay
from cornflow_cutover.up.seed import seed
from cornflow_cutover.up.steps import ReplayOutcome, UpError, step
from legacy_bridge import assembly
from legacy_bridge.assembly import Assembly, AssemblyError
from legacy_bridge.modes.store import StoreError
from legacy_bridge.operations.census import CensusError
from legacy_bridge.serve import ServeError, listen, uvicorn_config
from legacy_bridge.settings import SettingsError, load_settings


@dataclass(frozen=True)
class UpOptions:
    """What the command was asked to do, beside where."""

    check: bool
    skip_parity: bool
    again: bool


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Folder of the database and its secrets; reused when it is there.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--check",
    is_flag=True,
    help="Replay, send one request to each stack, solve an example, then stop.",
)
@click.option(
    "--admin-password",
    metavar="PW",
    help="Password of the new user 'admin'. Without it one is made, and shown once.",
)
@click.option("--skip-parity", is_flag=True, help="Do not replay the parity journeys.")
@click.option("--parity", "again", is_flag=True, help="Replay them even if nothing has changed.")
@click.option(
    "--airflow-url",
    envvar="AIRFLOW_URL",
    show_envvar=True,
    metavar="URL",
    help="Solve on this Airflow (AIRFLOW_USER, AIRFLOW_PWD), and start no runner.",
)
@click.option(
    "--runner-port",
    default=0,
    type=click.IntRange(0, 65535),
    help="Port of the embedded runner, on loopback.  [default: one that is free]",
)
def up(
    data: Path,
    host: str,
    port: int,
    check: bool,
    admin_password: str | None,
    skip_parity: bool,
    again: bool,
    airflow_url: str | None,
    runner_port: int,
) -> None:
    """Bring everything up on an embedded database, and serve it.

    Creates the database, its roles, permissions and an administrator; serves both stacks behind one
    address, with a runner that solves on this machine, until it is stopped (Ctrl-C); and meanwhile
    replays the parity journeys on two scratch copies and prints the report. A second start reuses
    the data and takes seconds.

    Exit codes: 0 fine, 1 the stacks differ (with --check), 2 it could not be done.
    """
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    folder = DataFolder(data)
    inherited = dict(os.environ)
    try:
        load_settings()
        with listen(host, port) as taken:
            folder.take()
            seed(folder, admin_password, console)
            orchestrator = solving.choose(folder, airflow_url, runner_port)
            folder.write_shell_file(orchestrator.environment())
            os.environ.update({**folder.environment(), **orchestrator.environment()})
            everything = _Everything(folder, taken, orchestrator, inherited, console)
            outcome = everything.run(UpOptions(check, skip_parity, again))
    except (
        AssemblyError, CensusError, DataError, ServeError, SettingsError, StoreError, UpError,
        ValidationError,
    ) as error:  # fmt: skip
        click.echo(f"cutover up: {error}", err=True)
        outcome = ReplayOutcome.COULD_NOT_RUN
    except KeyboardInterrupt:
        click.echo("cutover up: interrupted; run it again to go on", err=True)
        outcome = ReplayOutcome.COULD_NOT_RUN
    finally:
        folder.release()
    sys.exit(outcome)


class _Everything:
    """The bridge in this process; runner and replay in processes that end with it."""

    def __init__(
        self,
        folder: DataFolder,
        taken: socket.socket,
        orchestrator: Orchestrator,
        inherited: Mapping[str, str],
        console: Console,
    ) -> None:
        self._folder = folder
        self._taken = taken
        self._orchestrator = orchestrator
        self._inherited = inherited
        self._console = console
        self._settings = load_settings()
        with step(console, "load both stacks"):
            self._assembled: Assembly = assembly.load(self._settings.assembly)
        self._address = _address(taken)
        self._base = self._address + self._assembled.root.rstrip("/")
        self._runner: EmbeddedRunner | None = None
        if orchestrator.embedded:
            self._runner = EmbeddedRunner(folder, orchestrator, self._base, inherited)

    def run(self, options: UpOptions) -> ReplayOutcome:
        # uvicorn raises the signal that stopped it once more when it is done: an ordinary end here.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        outcome = asyncio.run(self._run(options))
        if not options.check:
            self._console.print("stopped")
        return outcome

    async def _run(self, options: UpOptions) -> ReplayOutcome:
        bridge = assembly.bridge(self._assembled, self._settings)
        server = uvicorn.Server(uvicorn_config(bridge, self._settings, log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[self._taken]))
        working = asyncio.create_task(self._work(server, options))
        try:
            await asyncio.wait({serving, working}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                return await working
            if not server.started:
                raise ServeError("the bridge did not start: see the log above")
            if options.check:
                raise UpError("stopped before the check was done; run it again")
            return ReplayOutcome.SAME
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await working
            # While the bridge serves, if it does: what the runner says of runs it stops is heard. What is
            # not heard it says after its next start.
            if self._runner is not None:
                await asyncio.to_thread(self._runner.stop)
            server.should_exit = True
            await serving

    async def _work(self, server: uvicorn.Server, options: UpOptions) -> ReplayOutcome:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.05)
        async with self._client() as service, self._client() as planner:
            login = await log_in(service, SERVICE_USER, self._folder.secrets().service_password)
            if options.check:
                await log_in_as_planner(planner, self._folder)
            await self._be_able_to_solve()
            if options.check:
                outcome = await self._replay(options)
                census = assembly.census(self._assembled, self._settings)
                await self._show(
                    "one answer of each stack", lambda: ask_both(service, login, census)
                )
                await self._show("solve an example", lambda: solve_example(planner))
                return outcome
        self._say_where()
        keeping = asyncio.create_task(self._keep_runner())
        try:
            try:
                await self._replay(options)
            except UpError as error:
                # No reason to stop serving.
                self._console.print(f"[red]✗[/] {escape(str(error))}")
            await keeping
            # Nothing is left to do: only the end of the bridge ends this.
            return await asyncio.Future()
        finally:
            keeping.cancel()

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._base, trust_env=False, timeout=60)

    def _say_where(self) -> None:
        self._console.print(
            f"serving at [bold]{self._address}[/] — Ctrl-C stops; see also `cutover status`"
        )
        self._console.print(
            f"  in another terminal, first: . {self._folder.shell_file}", soft_wrap=True
        )
        self._console.print(
            f"  watch and operate the cutover, as an admin: {self._address}/_cutover/",
            soft_wrap=True,
        )
        self._console.print("  solve something: README.md, or examples/newcomer.py")

    async def _be_able_to_solve(self) -> None:
        if self._runner is None:
            self._console.print(f"executions go to Airflow at {self._orchestrator.url}")
            return
        with step(self._console, "start the runner, register what it solves"):
            await asyncio.to_thread(self._runner.start)
            names = await self._runner.registered()
        self._console.print(f"  {names}; its log is {self._folder.runner_log}")

    async def _keep_runner(self) -> None:
        if self._runner is not None:
            await self._runner.keep(self._console)

    async def _replay(self, options: UpOptions) -> ReplayOutcome:
        if options.skip_parity:
            return ReplayOutcome.SAME
        return await replay(
            self._folder,
            self._console,
            self._inherited,
            again=options.again,
            waited_for=options.check,
        )

    async def _show(self, what: str, ask: Callable[[], Awaitable[list[str]]]) -> None:
        with step(self._console, what):
            lines = await ask()
        for line in lines:
            self._console.print(f"  {line}", markup=False)


def _address(taken: socket.socket) -> str:
    """As this machine can reach it."""
    host, port = taken.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
