"""The command `cutover up`: from nothing to both stacks behind one address, shown to be alike."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import IntEnum
from pathlib import Path

import click
import httpx
import uvicorn
from rich.console import Console

from legacy_bridge import assembly
from legacy_bridge.assembly import AssemblyError
from legacy_bridge.census import CensusError
from legacy_bridge.cornflow.data import (
    ADMIN,
    SERVICE_USER,
    DataError,
    DataFolder,
    fingerprint,
    new_password,
)
from legacy_bridge.operation import Stack
from legacy_bridge.serve import ServeError, listen, serve, uvicorn_config
from legacy_bridge.settings import BridgeSettings
from legacy_bridge.store import StoreError

_PORT_CLI = "cornflow_f.cli"
_BRIDGE_CLI = "legacy_bridge.cli"
_PARITY_CLI = "parity_tests.cli"

_SOURCES = ("cornflow_f", "legacy_bridge", "parity_tests", "migrations")
"""What may change the outcome of a replay."""


class Outcome(IntEnum):
    """Exit codes, of this command and of the replay."""

    SAME = 0
    DIFFERENT = 1
    COULD_NOT_RUN = 2


class UpError(Exception):
    """A step failed; the text says which, and shows the end of what it printed."""


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
@click.option("--check", is_flag=True, help="Send one request to each stack, then stop.")
@click.option(
    "--admin-password",
    metavar="PW",
    help="Password of the new user 'admin'. Without it one is made, and shown once.",
)
@click.option("--skip-parity", is_flag=True, help="Do not replay the parity journeys.")
@click.option("--parity", "again", is_flag=True, help="Replay them even if nothing has changed.")
def up(
    data: Path,
    host: str,
    port: int,
    check: bool,
    admin_password: str | None,
    skip_parity: bool,
    again: bool,
) -> None:
    """Bring everything up on an embedded database, and serve it.

    Creates the database, its roles, permissions and an administrator; replays the parity journeys on
    two scratch copies and prints the report; then serves both stacks behind one address until it is
    stopped (Ctrl-C). A second start reuses the data and takes seconds.

    Exit codes: 0 fine, 1 the stacks differ (with --check), 2 it could not be done.
    """
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    folder = DataFolder(data)
    try:
        taken = listen(host, port)
        folder.take()
        _seed(folder, admin_password, console)
        outcome = Outcome.SAME if skip_parity else _replay(folder, again, console)
        folder.write_shell_file()
        os.environ.update(folder.environment())
        address = "http://{}:{}".format(*taken.getsockname()[:2])
        if check:
            with _step(console, "start the bridge and ask each stack once"):
                answers = asyncio.run(_ask_both(taken, address, folder))
            for line in answers:
                console.print(f"  {line}", markup=False)
        else:
            console.print(
                f"serving at [bold]{address}[/] — Ctrl-C stops; see also `cutover status`"
            )
            console.print(f"  in another terminal, first: . {folder.shell_file}", soft_wrap=True)
            serve(taken, BridgeSettings())
            console.print("stopped")
            outcome = Outcome.SAME
    except (
        AssemblyError, CensusError, DataError, ServeError, StoreError, UpError
    ) as error:  # fmt: skip
        click.echo(f"cutover up: {error}", err=True)
        outcome = Outcome.COULD_NOT_RUN
    except KeyboardInterrupt:
        click.echo("cutover up: interrupted; run it again to go on", err=True)
        outcome = Outcome.COULD_NOT_RUN
    sys.exit(outcome)


def _seed(folder: DataFolder, admin_password: str | None, console: Console) -> None:
    sources = _fingerprint()
    if folder.is_seeded:
        console.print(f"[green]✓[/] data of an earlier start: {folder.path}")
        if admin_password is not None:
            console.print("  --admin-password has no effect: the administrator exists already")
        if folder.remembered().get("migrated_with") != sources:
            _bring_forward(folder, console)
        folder.remember(migrated_with=sources)
        return
    draft = folder.start_draft()
    environment = folder.environment(draft)
    password = admin_password or new_password()
    with _step(console, f"create the database in {folder.path}"):
        _run(_PORT_CLI, "migrations", "upgrade", environment=environment)
    with _step(console, "register roles, views and permissions"):
        _run(_PORT_CLI, "permissions", "init", environment=environment)
    with _step(console, "create the administrator and the service user"):
        for kind, name, word in (
            ("admin", ADMIN, password),
            ("service", SERVICE_USER, folder.secrets().service_password),
        ):
            user = ("-u", name, "-e", f"{name}@cornflow.org", "-p", word)
            _run(_PORT_CLI, "users", "create", kind, *user, environment=environment)
    with _step(console, "let the port answer every operation it has"):
        reason = ("--by", "cutover up", "--why", "first start")
        _run(_BRIDGE_CLI, "set", "all-ported", "ported", *reason, environment=environment)
    if admin_password is None:
        # Said before the database counts as made: a start killed in between makes another one.
        console.print(f"  user [bold]{ADMIN}[/], password (shown only now): [bold]{password}[/]")
    folder.finish_draft()
    folder.remember(migrated_with=sources)


def _bring_forward(folder: DataFolder, console: Console) -> None:
    environment = folder.environment()
    with _step(console, "the sources have changed: bring the database forward"):
        _run(_PORT_CLI, "migrations", "upgrade", environment=environment)
        _run(_PORT_CLI, "permissions", "init", environment=environment)


def _replay(folder: DataFolder, again: bool, console: Console) -> Outcome:
    sources = _fingerprint()
    last = folder.remembered().get("parity", {})
    if not again and last.get("sources") == sources and folder.report.exists():
        console.print(
            "[green]✓[/] parity is known: nothing has changed since the last replay "
            "(--parity replays it)"
        )
        _print_summary(folder.report, console)
        return Outcome(last["outcome"])
    console.print("replay the parity journeys on two scratch copies …")
    # Its own progress and report go straight to this terminal; it seeds and configures its copies.
    command = [sys.executable, "-m", _PARITY_CLI, "run", "--json", str(folder.report)]
    code = subprocess.run(command, check=False).returncode
    try:
        outcome = Outcome(code)
    except ValueError:
        raise UpError(f"the replay ended with {code}") from None
    if outcome is Outcome.COULD_NOT_RUN:
        console.print("[red]✗[/] the replay could not run; nothing is known about parity")
    else:
        mark = "[green]✓[/]" if outcome is Outcome.SAME else "[red]✗[/]"
        console.print(f"{mark} replayed; the full report is {folder.report}")
        _print_summary(folder.report, console)
        folder.remember(parity={"sources": sources, "outcome": int(outcome)})
    return outcome


def _print_summary(report: Path, console: Console) -> None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = json.loads(report.read_text())
        console.print(
            f"  {found['exchanges']} exchanges, {found['operations_covered']} of "
            f"{found['operations_total']} operations, {found['differences']} differences, "
            f"{found['waived']} waived"
        )


async def _ask_both(taken: socket.socket, address: str, folder: DataFolder) -> list[str]:
    """One request answered by each stack; UpError when the wrong one answers."""
    settings = BridgeSettings()
    assembled = assembly.load(settings.assembly)
    census = assembly.census(assembled, settings)
    # Any will do that reads a list; once nothing is left to the legacy, a path nobody has.
    lists = [
        str(entry.operation.rule)
        for entry in census.entries
        if entry.operation.method == "GET" and not entry.ported and "<" not in entry.operation.rule
    ]
    credentials = {"username": SERVICE_USER, "password": folder.secrets().service_password}
    server = uvicorn.Server(
        uvicorn_config(assembly.bridge(assembled, settings), log_level="warning")
    )
    async with _running(server, taken), httpx.AsyncClient(
        base_url=address, trust_env=False, timeout=60
    ) as client:  # fmt: skip
        login = await client.post("/login/", json=credentials)
        token = login.json().get("token", "") if login.status_code == 200 else ""
        bearer = {"Authorization": f"Bearer {token}"}
        other = await client.get(lists[0] if lists else "/no-such-path/", headers=bearer)
    lines = []
    for reply, stack in ((login, Stack.PORTED), (other, Stack.LEGACY)):
        served_by = reply.headers.get("x-served-by")
        request = f"{reply.request.method} {reply.request.url.path}"
        if served_by != stack or reply.status_code >= 500 or not token:
            raise UpError(f"{request}: {reply.status_code} by {served_by}, expected {stack}")
        lines.append(f"{request}: {reply.status_code}, X-Served-By: {served_by}")
    return lines


@asynccontextmanager
async def _running(server: uvicorn.Server, taken: socket.socket) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve(sockets=[taken]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.05)
    try:
        if not server.started:
            raise UpError("the bridge did not start: see the log above")
        yield
    finally:
        server.should_exit = True
        await task


def _run(module: str, *words: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-20:])
        raise UpError(f"`{module} {' '.join(words[:3])}` failed ({done.returncode}):\n{said}")


@contextmanager
def _step(console: Console, what: str) -> Iterator[None]:
    started = time.monotonic()
    with console.status(f"{what} …"):
        yield
    console.print(f"[green]✓[/] {what} ({time.monotonic() - started:.1f} s)")


def _fingerprint() -> str:
    root = Path(__file__).resolve().parents[2]
    return fingerprint(root / name for name in _SOURCES)
