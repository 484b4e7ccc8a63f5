"""`cutover rollback`, `acknowledge`, `kill`, `unkill`, `group`, `budget`, `sticky` and `breaches`."""

from typing import Any

import click
from rich.markup import escape

from legacy_bridge.cli.shared import (
    act,
    audited,
    console,
    json_option,
    or_exit,
    print_json,
    with_ownership,
)
from legacy_bridge.control.overview import breach_as_json
from legacy_bridge.modes.ownership import Ownership


@click.command()
@click.argument("operation")
@audited
@json_option
def rollback(operation: str, by: str, why: str, as_json: bool) -> None:
    """Back to the legacy, and stay there until somebody says --again.

    OPERATION may be a group, a glob, or all-ported. Every worker follows within two seconds.
    """
    act(
        lambda one: one.rollback(operation),
        by=by,
        why=why,
        nothing="already rolled back",
        as_json=as_json,
    )


@click.command()
@click.argument("operation")
@audited
@json_option
def acknowledge(operation: str, by: str, why: str, as_json: bool) -> None:
    """What was rolled back is understood: OPERATION stays with the legacy, and may be moved again.

    OPERATION may be a group or a glob. `cutover breaches` says why it was rolled back.
    """
    act(
        lambda one: one.acknowledge(operation),
        by=by,
        why=why,
        nothing="nothing is held back",
        as_json=as_json,
    )


@click.command()
@audited
@json_option
def kill(by: str, why: str, as_json: bool) -> None:
    """Give everything to the legacy at once. `cutover unkill` puts the modes in force again."""
    act(lambda one: one.kill(), by=by, why=why, nothing="already killed", as_json=as_json)


@click.command()
@audited
@json_option
def unkill(by: str, why: str, as_json: bool) -> None:
    """Lift the kill switch: the stored modes are in force again."""
    act(lambda one: one.unkill(), by=by, why=why, nothing="it was not killed", as_json=as_json)


@click.command()
@click.argument("name")
@click.argument("operations", nargs=-1)
@click.option("--drop", is_flag=True, help="The group's operations move alone again.")
@audited
@json_option
def group(
    name: str, operations: tuple[str, ...], drop: bool, by: str, why: str, as_json: bool
) -> None:
    """Declare OPERATIONS that must move together, as the group NAME.

    A mode, a ramp or a rollback of one of them is one of all, and a canary picks the same users for
    all. They must be in one mode already.

    \b
    cutover group things 'POST /thing/' 'GET /thing/*'
    """
    if drop == bool(operations):
        raise click.UsageError("name the operations of the group, or say --drop")
    act(
        lambda one: one.drop_group(name) if drop else one.declare_group(name, operations),
        by=by,
        why=why,
        nothing="nothing to change",
        as_json=as_json,
    )


@click.command()
@click.argument("name")
@click.argument("limits", nargs=-1, metavar="[LIMIT=VALUE]...")
@click.option("--reset", is_flag=True, help="Back to what holds for all.")
@audited
@json_option
def budget(
    name: str, limits: tuple[str, ...], reset: bool, by: str, why: str, as_json: bool
) -> None:
    """Change how much worse than the legacy NAME may be: an operation, a group, or '*'.

    \b
    errors=0.01              failed requests above the legacy's own rate
    differences=0.01         pairs that differ
    latency_ratio=2          median by the legacy's; 0: not judged
    latency_ratio_p95=3      the same of the 95th percentiles
    latency_floor_ms=50      fast enough, whatever the ratio
    samples=20               replies of the port that say anything
    compared=0               pairs there must be
    fewest=3                 failures or differences that are never chance
    window=60                seconds in which trouble is looked for
    long_window=3600         seconds of evidence for going on

    \b
    cutover budget '*' errors=0.005
    cutover budget 'GET /thing/' samples=100 latency_ratio=1.5
    """
    if reset == bool(limits):
        raise click.UsageError("write limits as name=value, or say --reset")
    parsed = {}
    for limit in limits:
        key, equals, value = limit.partition("=")
        if not equals:
            raise click.UsageError(f"'{limit}': write name=value")
        parsed[key] = value
    act(
        lambda one: one.set_budget(name, parsed),
        by=by,
        why=why,
        nothing="nothing to change",
        as_json=as_json,
    )


@click.command()
@click.argument("to", metavar="user|header:NAME|cookie:NAME")
@audited
@json_option
def sticky(to: str, by: str, why: str, as_json: bool) -> None:
    """What the share of a canary sticks to; the same for all canaries.

    user: the subject of the token, else the client's address.
    """
    act(
        lambda one: one.set_sticky(to), by=by, why=why, nothing="nothing to change", as_json=as_json
    )


@click.command()
@click.argument("name", required=False)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@json_option
def breaches(name: str | None, limit: int, as_json: bool) -> None:
    """Why operations were rolled back, with the figures and examples of then; the newest first."""

    async def read(owner: Ownership) -> list[dict[str, Any]]:
        return [breach_as_json(one) for one in await owner.store.breaches(limit, name)]

    rows = or_exit(lambda: with_ownership(read))
    if as_json:
        print_json({"breaches": rows})
        return
    out = console()
    for one in rows:
        out.print(f"[bold]{escape(one['name'])}[/bold]  {one['at']}  was {one['mode']}")
        out.print(f"  {escape(one['operation'])}: {escape(one['reason'])}")
        for example in one["examples"]:
            shown = ", ".join(f"{key} {value}" for key, value in example.items())
            out.print(f"  - {shown}"[:400], markup=False)
    if not rows:
        out.print("nothing was rolled back by the bridge")
