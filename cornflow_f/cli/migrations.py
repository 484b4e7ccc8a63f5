"""`migrations`: the tables of the database."""

import json

import click

from cornflow_f.cli import options
from cornflow_f.cli.run import CouldNotRun, database_url, load_external, run
from cornflow_f.external import ExternalApplication
from cornflow_f.migration import run as migrate
from cornflow_f.migration.run import Moved
from cornflow_f.migration.state import Start

_STARTED = {
    Start.CREATE: "The database was empty: all tables are created.",
    Start.ADOPT: "The legacy's database is adopted as it is: nothing in it was changed.",
}


external_only = click.option(
    "--external", is_flag=True, help="The chain of the external application, not our own."
)


@click.group()
def migrations() -> None:
    """Create the tables, or adopt those of a legacy database; both stacks can then use it.

    With EXTERNAL_APP=1 the external application has a chain of migrations of its own.
    """


@migrations.command()
@click.option("-r", "--revision", help="How far to go. [default: all the way, in both chains]")
@external_only
def upgrade(revision: str | None, external: bool) -> None:
    """Bring the database to this version of the program.

    An empty database gets all tables. A database of the legacy must be at the head of its own
    migrations; it is adopted without a change, and the legacy keeps working on it. Then come the
    migrations of the external application, if there is one.
    """
    application = _application(required=external)
    if not external:
        moved = run(migrate.upgrade(database_url(), revision or "head", application))
        if moved.start is not None:
            click.echo(_STARTED[moved.start])
        _show(moved)
    if application is None or application.migrations is None or (revision and not external):
        return
    moved = run(migrate.upgrade_external(database_url(), application, revision or "heads"))
    _show(moved, application.name)


@migrations.command()
@click.option("-r", "--revision", default="-1", show_default=True, help="How far to go back.")
@external_only
def downgrade(revision: str, external: bool) -> None:
    """Undo migrations of this program, or with --external those of the external application.

    Undoing our first one drops no table: the legacy may be using them. To start afresh, drop the
    database itself.
    """
    if not external:
        _show(run(migrate.downgrade(database_url(), revision)))
        return
    application = _application(required=True)
    assert application is not None
    _show(run(migrate.downgrade_external(database_url(), application, revision)), application.name)


@migrations.command()
@click.option("-m", "--message", required=True, help="What it does, e.g. 'plants have a city'.")
def revision(message: str) -> None:
    """Write a migration of the external application: what its models have and the database lacks.

    Read it before it is applied: it is a proposal.
    """
    application = _application(required=True)
    assert application is not None
    for path in run(migrate.write_revision(database_url(), application, message)):
        click.echo(f"Written: {path}")


@migrations.command()
@options.as_json
def current(as_json: bool) -> None:
    """Show the revision of the database in each chain of migrations."""
    application = load_external()
    revisions = run(migrate.current(database_url()))
    heads = {
        "revision": list(revisions.ported or ()),
        "head": migrate.head_revision(),
        "legacy_revision": list(revisions.legacy or ()),
    }
    lines = [
        f"cornflow-f: {_text(revisions.ported or ())} (head: {migrate.head_revision()})",
        f"legacy:     {_text(revisions.legacy or ())}",
    ]
    if application is not None:
        own = run(migrate.current(database_url(), application)).ported or ()
        newest = migrate.external_heads(application)
        heads |= {"external_revision": list(own), "external_head": list(newest)}
        lines.append(f"external:   {_text(own)} (head: {_text(newest)}) of {application.name}")
    for line in [json.dumps(heads)] if as_json else lines:
        click.echo(line)


def _application(*, required: bool) -> ExternalApplication | None:
    application = load_external()
    if application is None and required:
        raise CouldNotRun(
            "There is no external application: set EXTERNAL_APP=1 and EXTERNAL_APP_MODULE"
        )
    return application


def _show(moved: Moved, name: str = "") -> None:
    of = f" of {name}" if name else ""
    if moved.before == moved.after:
        click.echo(f"Nothing to do: the database is at revision {_text(moved.after)}{of}.")
    else:
        click.echo(f"Revision{of}: {_text(moved.before)} -> {_text(moved.after)}")


def _text(revisions: tuple[str, ...]) -> str:
    return ", ".join(revisions) or "none"
