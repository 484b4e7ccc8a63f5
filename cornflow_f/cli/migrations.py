"""`migrations`: the tables of the database."""

import json

import click

from cornflow_f import migrate
from cornflow_f.cli import options
from cornflow_f.cli.run import database_url, run
from cornflow_f.migrate import Moved
from cornflow_f.schema_state import Start

_STARTED = {
    Start.CREATE: "The database was empty: all tables are created.",
    Start.ADOPT: "The legacy's database is adopted as it is: nothing in it was changed.",
}


@click.group()
def migrations() -> None:
    """Create the tables, or adopt those of a legacy database; both stacks can then use it."""


@migrations.command()
@click.option("-r", "--revision", default="head", show_default=True, help="How far to go.")
def upgrade(revision: str) -> None:
    """Bring the database to this version of the program.

    An empty database gets all tables. A database of the legacy must be at the head of its own
    migrations; it is adopted without a change, and the legacy keeps working on it.
    """
    moved = run(migrate.upgrade(database_url(), revision))
    if moved.start is not None:
        click.echo(_STARTED[moved.start])
    _show(moved)


@migrations.command()
@click.option("-r", "--revision", default="-1", show_default=True, help="How far to go back.")
def downgrade(revision: str) -> None:
    """Undo migrations of this program.

    Undoing the first one drops no table: the legacy may be using them. To start afresh, drop the
    database itself.
    """
    _show(run(migrate.downgrade(database_url(), revision)))


@migrations.command()
@options.as_json
def current(as_json: bool) -> None:
    """Show the revision of the database in both chains of migrations."""
    found = run(migrate.current(database_url()))
    if as_json:
        click.echo(
            json.dumps(
                {
                    "revision": list(found.ported or ()),
                    "head": migrate.head_revision(),
                    "legacy_revision": list(found.legacy or ()),
                }
            )
        )
        return
    click.echo(f"cornflow-f: {_text(found.ported or ())} (head: {migrate.head_revision()})")
    click.echo(f"legacy:     {_text(found.legacy or ())}")


def _show(moved: Moved) -> None:
    if moved.before == moved.after:
        click.echo(f"Nothing to do: the database is at revision {_text(moved.after)}.")
    else:
        click.echo(f"Revision: {_text(moved.before)} -> {_text(moved.after)}")


def _text(revisions: tuple[str, ...]) -> str:
    return ", ".join(revisions) or "none"
