"""`serve`: uvicorn, once the settings and the database are known to be good."""

import math
import os

import click
import uvicorn

from cornflow_f import external
from cornflow_f.cli.run import CouldNotRun, load_settings, run
from cornflow_f.config import Settings
from cornflow_f.main import create_app
from cornflow_f.migration import run as migrate
from cornflow_f.web.uvicorn_connections_private import (
    ConnectionLimits,
    connections_below_file_limit,
    limited,
)

FACTORY = "cornflow_f.main:create_app"


worker_seconds = click.option(
    "--worker-seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How long one of several workers may be silent before it is replaced. One that starts on a "
    "slow processor answers nothing.",
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(min=1), help="Processes."
)
@worker_seconds
def serve(host: str, port: int, workers: int, worker_seconds: float) -> None:
    """Serve the API until stopped.

    Starts only on a database that `cornflow-f migrations upgrade` has prepared.
    """
    settings = load_settings()
    # Whatever makes the application refuse its settings is said here, once, not by every worker.
    create_app(settings)
    run(migrate.check_ready(settings.database_url, external.load(settings)))
    # The workers read the environment, where the address may be in parts (DEFAULT_POSTGRES).
    os.environ["DATABASE_URL"] = settings.database_url
    try:
        uvicorn.run(
            FACTORY,
            factory=True,
            host=host,
            port=port,
            workers=workers,
            http=limited(_limits(settings)),
            # uvicorn takes whole seconds
            timeout_worker_healthcheck=math.ceil(worker_seconds),
            log_level=settings.log_level or None,
        )
    except SystemExit as stopped:
        if stopped.code:
            raise CouldNotRun("The server could not start; its messages are above") from stopped


def _limits(settings: Settings) -> ConnectionLimits:
    # The rest is for the database, the orchestrator, uploaded files and those who are refused.
    most = settings.max_connections or connections_below_file_limit(0.75)
    return ConnectionLimits(settings.head_seconds, settings.body_seconds, most)
