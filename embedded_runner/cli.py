"""`cornflow-runner`: serves, shows, registers. Exit codes: 0 ok, 1 differs, 2 could not run."""

from __future__ import annotations

import asyncio
import json as json_module
import logging
import sys
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table

from embedded_runner import catalogue, registration
from embedded_runner.cornflow import Cornflow, Refused, Unreachable
from embedded_runner.model import Json, RunnerError, RunnerExit
from embedded_runner.server import serve as run_server
from embedded_runner.settings import LOOPBACK, Account, Settings, parse_connection

_CORNFLOW_URL = click.option(
    "--cornflow-url",
    envvar="CORNFLOW_URL",
    default="http://127.0.0.1:5000",
    show_default=True,
    help="Where Cornflow is: the legacy, the port or the bridge.",
)
_USER = click.option(
    "--user",
    envvar="CORNFLOW_SERVICE_USER",
    default="service_user",
    show_default=True,
    help="A user of Cornflow with the service role.",
)
_PASSWORD = click.option(
    "--password",
    envvar="CORNFLOW_SERVICE_PWD",
    help="That user's password. Better in CORNFLOW_SERVICE_PWD: other users see command lines.",
)
_CONNECTION = click.option(
    "--connection",
    envvar="AIRFLOW_CONN_CF_URI",
    help="All three at once, as Airflow's workers have them: cornflow://user:password@host:port.",
)
_AIRFLOW_USER = click.option(
    "--airflow-user",
    envvar="AIRFLOW_USER",
    help="Who may use the runner: what Cornflow has as AIRFLOW_USER.",
)
_AIRFLOW_PWD = click.option(
    "--airflow-password",
    envvar="AIRFLOW_PWD",
    help="And as AIRFLOW_PWD; better in the environment.",
)
_APPLICATION = click.option(
    "--application",
    "applications",
    multiple=True,
    metavar="MODULE:CLASS",
    help="A further application, while it has no entry point. May be repeated.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _Group(click.Group):
    """Turns what cannot be done into one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RunnerError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(RunnerExit.COULD_NOT_RUN)


@click.group(cls=_Group)
def main() -> None:
    """Solves Cornflow's executions on this machine, in place of Airflow.

    Start it beside Cornflow and give Cornflow AIRFLOW_URL=http://127.0.0.1:8080. To move to a real
    Airflow later, change that one setting.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runner-data"),
    show_default=True,
    envvar="CORNFLOW_RUNNER_DATA",
    help="Folder of the queue, results on their way, and logs. Keep it over restarts.",
)
@_CORNFLOW_URL
@_USER
@_PASSWORD
@_CONNECTION
@_AIRFLOW_USER
@_AIRFLOW_PWD
@click.option(
    "--workers",
    default=2,
    show_default=True,
    type=click.IntRange(1),
    help="Executions that are solved at a time, each in a process of its own.",
)
@click.option(
    "--queue-size",
    default=100,
    show_default=True,
    type=click.IntRange(1),
    help="Executions that may wait; one more is refused, and Cornflow tells its user.",
)
@click.option(
    "--time-limit",
    default=3600.0,
    show_default=True,
    type=click.FloatRange(1),
    help="Seconds after which a solver is ended, whatever its execution's own time limit.",
)
@click.option(
    "--patience",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds to wait for a Cornflow that does not answer when an execution begins.",
)
@_APPLICATION
@click.option(
    "--register", is_flag=True, help="Register the applications as soon as Cornflow is up."
)
def serve(
    host: str,
    port: int,
    data: Path,
    cornflow_url: str,
    user: str,
    password: str | None,
    connection: str | None,
    airflow_user: str | None,
    airflow_password: str | None,
    workers: int,
    queue_size: int,
    time_limit: float,
    patience: float,
    applications: tuple[str, ...],
    register: bool,
) -> None:
    """Take executions from Cornflow and solve them, until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    account = _account(cornflow_url, user, password, connection)
    airflow = _airflow(airflow_user, airflow_password)
    if host not in LOOPBACK:
        logging.getLogger(__name__).warning(
            "%s is not loopback: passwords go over the network unencrypted; "
            "put a reverse proxy with TLS in front",
            host,
        )
    settings = Settings(
        data=data.resolve(),
        cornflow=account,
        airflow_user=airflow[0],
        airflow_password=airflow[1],
        host=host,
        port=port,
        workers=workers,
        queue_size=queue_size,
        time_limit=time_limit,
        patience=patience,
        applications=applications,
        register=register,
    )
    run_server(settings)


@main.command()
@click.option("--url", envvar="AIRFLOW_URL", default="http://127.0.0.1:8080", show_default=True)
@_AIRFLOW_USER
@_AIRFLOW_PWD
@_JSON
def status(url: str, airflow_user: str | None, airflow_password: str | None, as_json: bool) -> None:
    """Show what a runner is doing: its workers, its queue and its latest runs."""
    try:
        reply = httpx.get(
            f"{url.rstrip('/')}/status",
            auth=_airflow(airflow_user, airflow_password),
            timeout=10,
            trust_env=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RunnerError(
            f"no runner answers at {url} ({error}); start one with `cornflow-runner serve`"
        ) from None
    if reply.status_code != 200:
        raise RunnerError(f"{url} answers {reply.status_code}: {reply.text[:300]}")
    shown = reply.json()
    if as_json:
        click.echo(json_module.dumps(shown, indent=2))
    else:
        _show_status(shown)
    sys.exit(RunnerExit.OK if shown["healthy"] else RunnerExit.DIFFERENT)


def _show_status(shown: Json) -> None:
    console = Console()
    workers, queue = shown["workers"], shown["queue"]
    health = "healthy" if shown["healthy"] else "[red]unhealthy[/red]"
    console.print(
        f"{health} · {workers['busy']} of {workers['all']} workers busy · "
        f"{queue['waiting']} of {queue['size']} waiting · Cornflow at {shown['cornflow']}"
    )
    table = Table("workflow", "execution", "state", "phase", "started", "ended", "reason")
    for run in shown["runs"]:
        columns = ("workflow", "execution", "state", "phase", "started", "ended", "reason")
        table.add_row(*(str(run[name] or "") for name in columns))
    console.print(table)
    for problem in shown["problems"]:
        console.print(f"[yellow]{problem}[/yellow]")


@main.command()
@_APPLICATION
@_JSON
def applications(applications: tuple[str, ...], as_json: bool) -> None:
    """List the applications a runner would offer. Exit code 1 when one of them is broken."""
    offered = catalogue.read(applications)
    if as_json:
        described = [
            {
                "name": a.name,
                "target": a.target,
                "description": a.description,
                "examples": [e.get("name") for e in a.examples],
            }
            for a in offered.applications
        ]
        click.echo(
            json_module.dumps({"applications": described, "problems": offered.problems}, indent=2)
        )
    else:
        table = Table("application", "class", "examples", "description")
        for one in offered.applications:
            names = ", ".join(str(e.get("name")) for e in one.examples)
            table.add_row(one.name, one.target, names, one.description or "")
        Console().print(table)
        for problem in offered.problems:
            click.echo(f"Broken: {problem}", err=True)
    sys.exit(RunnerExit.DIFFERENT if offered.problems else RunnerExit.OK)


@main.command()
@_CORNFLOW_URL
@_USER
@_PASSWORD
@_CONNECTION
@_APPLICATION
@_JSON
def register(
    cornflow_url: str,
    user: str,
    password: str | None,
    connection: str | None,
    applications: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the applications known to Cornflow, or update their schemas there."""
    account = _account(cornflow_url, user, password, connection)
    registered = asyncio.run(_register(account, applications))
    if as_json:
        click.echo(json_module.dumps(registered, indent=2))
    else:
        for name, new in registered.items():
            click.echo(f"{name}: {'registered' if new else 'updated'}")


async def _register(account: Account, extra: tuple[str, ...]) -> dict[str, bool]:
    cornflow = Cornflow(account)
    try:
        offered = await catalogue.read_async(extra)
        return await registration.register(cornflow, offered)
    except (Unreachable, Refused) as error:
        raise RunnerError(str(error)) from None
    finally:
        await cornflow.close()


def _account(url: str, user: str, password: str | None, connection: str | None) -> Account:
    if connection:
        return parse_connection(connection)
    if not password:
        raise RunnerError(
            f"the password of Cornflow's user {user} is missing: set CORNFLOW_SERVICE_PWD"
        )
    return Account(url, user, password)


def _airflow(user: str | None, password: str | None) -> tuple[str, str]:
    if not user or not password:
        raise RunnerError("set AIRFLOW_USER and AIRFLOW_PWD to the values that Cornflow has")
    return user, password


if __name__ == "__main__":
    main()
