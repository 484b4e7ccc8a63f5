"""`service init`: everything a container does before it serves. Source: ``cli/service.py``."""

import os

import click

from cornflow_f import constants
from cornflow_f.cli.dags import WAIT_SECONDS, sync
from cornflow_f.cli.run import (
    CouldNotRun,
    database_url,
    in_session,
    load_external,
    load_settings,
    run,
)
from cornflow_f.cli.serve import serve, worker_seconds
from cornflow_f.config import AuthType, Backend, Settings
from cornflow_f.database.turn import turn
from cornflow_f.errors import OrchestratorError
from cornflow_f.external import ExternalApplication
from cornflow_f.migration import run as migrate
from cornflow_f.security import generate_password
from cornflow_f.services import provisioning, register_access
from cornflow_f.views_table import views_for

_USERS = (
    (constants.Role.ADMIN, "CORNFLOW_ADMIN", "cornflow_admin", "cornflow_admin@cornflow.com"),
    (constants.Role.SERVICE, "CORNFLOW_SERVICE", "service_user", "service_user@cornflow.com"),
)
"""Role, how its variables begin, and the legacy's defaults for name and address."""


@click.group()
def service() -> None:
    """The whole service, from its environment variables."""


@service.command("init")
@click.option("--host", default="0.0.0.0", show_default=True, help="The address to listen on.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=3, show_default=True, type=click.IntRange(min=1))
@worker_seconds
@click.option(
    "--wait",
    default=WAIT_SECONDS,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait for Airflow. Without it the API is served all the same.",
)
@click.option("--no-serve", is_flag=True, help="Prepare everything, then stop.")
@click.pass_context
def init(
    context: click.Context,
    host: str,
    port: int,
    workers: int,
    worker_seconds: float,
    wait: float,
    no_serve: bool,
) -> None:
    """Prepare the database and serve: the command of a container. May be run again at any time.

    Replicas that start together prepare one after the other.

    Tables or their migrations, roles, views and permissions; the users CORNFLOW_ADMIN_USER, _EMAIL and
    _PWD, and CORNFLOW_SERVICE_USER, _EMAIL and _PWD (existing ones keep their passwords); the workflows
    of Airflow; then the server.

    The key that signs tokens is SECRET_KEY or, as for the legacy, FERNET_KEY.
    """
    _use_fernet_key()
    settings = load_settings()
    application = load_external()
    run(_prepare(settings, application))
    if settings.cornflow_backend is Backend.AIRFLOW:
        start = ["update_all_schemas"]
        if application is not None:
            start.append("update_dag_registry")
        try:
            synced = run(sync(settings, wait=wait, start=start))
        except (CouldNotRun, OrchestratorError) as error:
            # parity: an Airflow that is not there keeps nobody from the API
            click.echo(f"Workflows are not synchronised: {error}", err=True)
            click.echo("Later: cornflow-f dags sync", err=True)
        else:
            names = ", ".join(synced.registered) or "none"
            click.echo(f"Workflows registered: {names}.")
    if not no_serve:
        context.invoke(serve, host=host, port=port, workers=workers, worker_seconds=worker_seconds)


def _use_fernet_key() -> None:
    if os.environ.get("SECRET_KEY"):
        return
    key = os.environ.get("FERNET_KEY")
    if not key:
        # The legacy makes one up, and every restart ends all sessions.
        raise CouldNotRun("SECRET_KEY is not set, nor FERNET_KEY: one of them signs the tokens")
    os.environ["SECRET_KEY"] = key


async def _prepare(settings: Settings, application: ExternalApplication | None) -> None:
    """Brings the database to this version, in turn with whoever else does."""
    url = database_url()
    async with turn(url, lambda: click.echo("Waiting: another process prepares this database …")):
        moved = await migrate.upgrade(url, "head", application)
        if application is not None and application.migrations is not None:
            await migrate.upgrade_external(url, application, "heads")
        revision = ", ".join(moved.after)
        click.echo(f"Database at revision {revision}.")
        wanted = views_for(settings)
        await in_session(lambda session: register_access.init_access(session, wanted))
        click.echo("Roles, views and permissions are those of this version.")
        if settings.auth_type in (AuthType.DATABASE, AuthType.OID):
            for role, prefix, name, email in _USERS:
                await _create(role, prefix, name, email)


async def _create(role: constants.Role, prefix: str, name: str, email: str) -> None:
    username = os.environ.get(f"{prefix}_USER", name)
    address = os.environ.get(f"{prefix}_EMAIL", email)
    chosen = os.environ.get(f"{prefix}_PWD")
    # The legacy has one password for all installations that set none.
    password = chosen or generate_password()
    outcome = await in_session(
        lambda session: provisioning.create_user_with_role(
            session, username, address, password, role
        )
    )
    click.echo(f"User {username}, {role.name.lower()}: {outcome}.")
    if chosen is None and outcome is provisioning.ProvisioningOutcome.CREATED:
        click.echo(f"Its password, shown this once ({prefix}_PWD is not set): {password}")
