"""`actions`, `roles`, `views` and `permissions`: bring the shared tables to what the code says."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.cli import options
from cornflow_f.cli.run import load_settings, run_in_session
from cornflow_f.services import register_access
from cornflow_f.services.register_access import Changes
from cornflow_f.views_table import views_for


@click.group()
def actions() -> None:
    """The actions: can_get, can_patch, can_post, can_put, can_delete."""


@click.group()
def roles() -> None:
    """The roles: dummy, viewer, planner, admin, service."""


@click.group()
def views() -> None:
    """The views: all endpoints of the API, ported or not."""


@click.group()
def permissions() -> None:
    """Which role may do which action on which view."""


@actions.command("init")
@options.verbose
@options.as_json
def init_actions(verbose: bool, as_json: bool) -> None:
    """Add the actions that are missing."""
    _register("actions", register_access.register_actions, verbose, as_json)


@roles.command("init")
@options.verbose
@options.as_json
def init_roles(verbose: bool, as_json: bool) -> None:
    """Add the roles that are missing."""
    wanted = views_for(load_settings())
    _register(
        "roles", lambda session: register_access.register_roles(session, wanted), verbose, as_json
    )


@views.command("init")
@options.verbose
@options.as_json
def init_views(verbose: bool, as_json: bool) -> None:
    """Add, update and delete views until they are those of the code.

    CF_ALARMS_ENDPOINT, SIGNUP_ACTIVATED and AUTH_TYPE decide about some: set them as for the server.
    """
    wanted = views_for(load_settings())
    _register(
        "views", lambda session: register_access.register_views(session, wanted), verbose, as_json
    )


@permissions.command("init")
@options.verbose
@options.as_json
def init_permissions(verbose: bool, as_json: bool) -> None:
    """Everything at once: actions, roles, views and permissions. May be run at any time."""
    wanted = views_for(load_settings())
    changes = run_in_session(lambda session: register_access.init_access(session, wanted))
    _show(
        {
            "actions": changes.actions,
            "roles": changes.roles,
            "views": changes.views,
            "permissions": changes.permissions,
        },
        verbose,
        as_json,
    )


@permissions.command("base")
@options.verbose
@options.as_json
def init_base_permissions(verbose: bool, as_json: bool) -> None:
    """The permissions alone: add what the code grants, delete every other one."""
    wanted = views_for(load_settings())
    _register(
        "permissions",
        lambda session: register_access.register_permissions(session, wanted),
        verbose,
        as_json,
    )


def _register(
    table: str,
    work: Callable[[AsyncSession], Awaitable[Changes]],
    verbose: bool,
    as_json: bool,
) -> None:
    _show({table: run_in_session(work)}, verbose, as_json)


def _show(changes: Mapping[str, Changes], verbose: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({name: asdict(change) for name, change in changes.items()}))
        return
    table = Table("table", "added", "updated", "deleted")
    for name, change in changes.items():
        cells = (change.added, change.updated, change.deleted)
        table.add_row(name, *("\n".join(cell) if verbose else str(len(cell)) for cell in cells))
    Console().print(table)
