"""`cutover guards`: which holes of the legacy the bridge refuses, and their switches."""

import os
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from legacy_bridge import assembly
from legacy_bridge.assembly import AssemblyError
from legacy_bridge.cli.shared import (
    act,
    audited,
    console,
    json_option,
    or_exit,
    print_json,
    with_ownership,
)
from legacy_bridge.guards.guards_toml import GuardTable, load
from legacy_bridge.guards.switch import is_on
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.settings import load_settings
from parity_core.files.sentence import nearest
from parity_core.model import ParityError


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def guards(context: click.Context, as_json: bool) -> None:
    """Which holes of the legacy are refused before it is asked.

    They hold while the legacy answers: in the modes legacy and shadow, for a canary's others, and where it
    stands in for the port.

    \b
    cutover guards                 all of them
    cutover guards off NAME        let NAME's requests pass; every worker follows within two seconds
    cutover guards on NAME
    """
    if context.invoked_subcommand is not None:
        return
    rows = or_exit(lambda: with_ownership(_rows))
    if as_json:
        print_json({"guards": rows})
        return
    table = Table("guard", "operation", "refuses with", "in force", "the hole")
    for row in rows:
        table.add_row(
            row["name"],
            row["operation"],
            str(row["status"]),
            row["in_force"],
            escape(row["about"]),
        )
    out = console()
    out.print(table)
    if not rows:
        out.print("no guards: neither the assembly nor CUTOVER_GUARDS names a file")


@guards.command("off")
@click.argument("name")
@audited
@json_option
def switch_off(name: str, by: str, why: str, as_json: bool) -> None:
    """Let NAME's requests pass."""
    _switch(name, by, why, as_json, on=False)


@guards.command("on")
@click.argument("name")
@audited
@json_option
def switch_on(name: str, by: str, why: str, as_json: bool) -> None:
    """Refuse NAME's requests again."""
    _switch(name, by, why, as_json, on=True)


def _switch(name: str, by: str, why: str, as_json: bool, *, on: bool) -> None:
    known = or_exit(lambda: [one.name for one in _tables()])
    if name not in known:
        raise click.UsageError(f"there is no guard '{name}'{nearest(name, known)}")
    act(
        lambda operator: operator.switch_guard(name, on=on),
        by=by,
        why=why,
        nothing=f"nothing to change: already {'on' if on else 'off'}",
        as_json=as_json,
    )


async def _rows(owner: Ownership) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "operation": one.operation,
            "status": one.status,
            "in_force": _in_force(one, owner),
            "about": one.about,
        }
        for one in _tables()
    ]


def _in_force(guard: GuardTable, owner: Ownership) -> str:
    if not guard.holds_in(os.environ):
        return "no: this deployment has no such hole"
    return "yes" if is_on(owner.stored, guard.name) else "switched off"


def _tables() -> tuple[GuardTable, ...]:
    settings = load_settings()
    path = assembly.guards_of(assembly.load(settings.assembly), settings)
    try:
        return () if path is None else load(path).guard
    except ParityError as error:
        raise AssemblyError(str(error)) from error
