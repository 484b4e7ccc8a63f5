"""`dags`: bring the registry of workflows to what Airflow has. Source: ``cli/service.py``, _sync_with_airflow."""

import asyncio
import json
import time
from dataclasses import asdict

import click
import httpx

from cornflow_f import external
from cornflow_f.cli import options
from cornflow_f.cli.run import CouldNotRun, load_settings, run, run_in_session
from cornflow_f.config import Settings
from cornflow_f.database.engine import create_engine, session_factory
from cornflow_f.database.turn import turn
from cornflow_f.migration import run as migrate
from cornflow_f.orchestrators import create_airflow
from cornflow_f.orchestrators.airflow import Airflow
from cornflow_f.orchestrators.http import AccountRefused
from cornflow_f.services import dag_permissions, persistence, sync_workflows
from cornflow_f.services.sync_workflows import Synced

WAIT_SECONDS = 300.0
"""How long Airflow may take to start; as long as the legacy waits."""

_PAUSE = 5.0
_UPDATE_SCHEMAS = "update_all_schemas"
_UPDATE_REGISTRY = "update_dag_registry"


@click.group()
def dags() -> None:
    """The workflows that users may solve with, and who may use which."""


@dags.command("sync")
@click.option(
    "--wait",
    default=0.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait for an Airflow that is still starting.",
)
@click.option(
    "--update-schemas", is_flag=True, help=f"Then start Airflow's own DAG {_UPDATE_SCHEMAS}."
)
@click.option("--update-registry", is_flag=True, help=f"Then start its DAG {_UPDATE_REGISTRY}.")
@options.as_json
def sync_command(wait: float, update_schemas: bool, update_registry: bool, as_json: bool) -> None:
    """Register the workflows that Airflow has and the database has not, with their schemas.

    Asks the Airflow of AIRFLOW_URL, AIRFLOW_USER and AIRFLOW_PWD for its DAGs with the tag `model`, and
    for the variable of each, which holds its schemas. What is registered is left as it is. Then gives
    the permissions that are missing: to all users when OPEN_DEPLOYMENT is 1, or else to administrators
    and service users. May be run at any time.
    """
    chosen = ((update_schemas, _UPDATE_SCHEMAS), (update_registry, _UPDATE_REGISTRY))
    started = [name for wanted, name in chosen if wanted]
    settings = load_settings()
    synced = run(sync(settings, wait=wait, start=started))
    if as_json:
        click.echo(json.dumps({**asdict(synced), "started": started}))
        return
    names = ", ".join(synced.registered)
    click.echo(f"Registered: {names}." if names else "Every workflow of Airflow is registered.")
    click.echo(f"Permissions given: {synced.permissions}.")
    for name in started:
        click.echo(f"Started at Airflow: {name}.")


@dags.command("permissions")
@options.as_json
def permissions_command(as_json: bool) -> None:
    """Give the permissions on registered workflows that are missing; takes none away.

    To all users when OPEN_DEPLOYMENT is 1, or else to administrators and service users.
    """
    is_open = bool(load_settings().open_deployment)
    granted = run_in_session(
        lambda session: dag_permissions.register(session, open_deployment=is_open)
    )
    click.echo(
        json.dumps({"permissions": granted}) if as_json else f"Permissions given: {granted}."
    )


async def sync(settings: Settings, *, wait: float, start: list[str]) -> Synced:
    """What the command does. `start` are DAGs to start afterwards. Raises CouldNotRun, OrchestratorError."""
    await migrate.check_ready(settings.database_url, external.load(settings))
    engine = create_engine(settings.database_url, pool_size=1)
    try:
        async with httpx.AsyncClient() as client:
            airflow = create_airflow(settings, client)
            await _require_alive(airflow, settings, wait)
            async with turn(settings.database_url), session_factory(engine)() as session:
                missing = await sync_workflows.fetch_missing(session, airflow)
                is_open = bool(settings.open_deployment)
                synced = await sync_workflows.register(session, missing, open_deployment=is_open)
                await persistence.commit(session, "saving", "<Deployed workflows>")
            for name in start:
                await airflow.trigger(name)
            return synced
    except AccountRefused as error:
        raise CouldNotRun(
            f"Airflow at {settings.airflow_url} refuses the user '{settings.airflow_user}' "
            f"(HTTP {error.status}): check {Airflow.account}, and what that user may do there"
        ) from error
    finally:
        await engine.dispose()


async def _require_alive(airflow: Airflow, settings: Settings, wait: float) -> None:
    if not settings.airflow_url:
        raise CouldNotRun("AIRFLOW_URL is not set: there is no Airflow to ask for workflows")
    until = time.monotonic() + wait
    while not await airflow.is_alive():
        left = until - time.monotonic()
        if left <= 0:
            raise CouldNotRun(
                f"Airflow at {settings.airflow_url} is not healthy. Check that its scheduler runs and "
                "that AIRFLOW_URL is right, or give it time to start: --wait 300"
            )
        click.echo(f"Waiting for Airflow at {settings.airflow_url} …", err=True)
        await asyncio.sleep(min(_PAUSE, left))
