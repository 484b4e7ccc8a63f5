"""`cutover ramp`: move from step to step on evidence."""

from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from legacy_bridge.cli.shared import (
    act,
    again_option,
    audited,
    console,
    json_option,
    or_exit,
    print_json,
    with_ownership,
)
from legacy_bridge.control.overview import status_of
from legacy_bridge.evidence.recorder import Recorder
from legacy_bridge.evidence.warden import Warden
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.ramp import DEFAULT_SAMPLES, DEFAULT_SECONDS


@click.group()
def ramp() -> None:
    """Move operations from step to step, as the evidence allows.

    The workers of `cutover serve` take the steps, whichever of them is first. A step is kept until it
    has its samples and its time and the budget says ok; inconclusive evidence waits, a breach takes the
    operation, or its whole group, back to the legacy.

    \b
    cutover ramp start 'GET /thing/'                      1 -> 5 -> 25 -> 50 -> 100 %
    cutover ramp start things --steps shadow,1,10,100     a group
    cutover ramp show
    """


@ramp.command()
@click.argument("operation")
@click.option(
    "--steps",
    default="1,5,25,50,100",
    show_default=True,
    help="Modes and shares in percent, each further than the one before.",
)
@click.option(
    "--samples",
    default=DEFAULT_SAMPLES,
    show_default=True,
    type=click.IntRange(0),
    help="Replies of the port that each step needs.",
)
@click.option(
    "--seconds",
    default=DEFAULT_SECONDS,
    show_default=True,
    type=click.FloatRange(0),
    help="How long each step lasts at least.",
)
@again_option
@audited
@json_option
def start(
    operation: str,
    steps: str,
    samples: int,
    seconds: float,
    again: bool,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Begin with the first step. OPERATION may be a group, a glob, or all-ported."""
    act(
        lambda operator: operator.start_ramp(
            operation, steps, samples=samples, seconds=seconds, again=again
        ),
        by=by,
        why=why,
        nothing="nothing to change",
        as_json=as_json,
    )


@ramp.command()
@click.argument("operation")
@audited
@json_option
def pause(operation: str, by: str, why: str, as_json: bool) -> None:
    """Stay on this step. A breach still takes the operation back."""
    act(lambda one: one.pause(operation), by=by, why=why, nothing="no ramp", as_json=as_json)


@ramp.command()
@click.argument("operation")
@audited
@json_option
def resume(operation: str, by: str, why: str, as_json: bool) -> None:
    """Go on; the time of the step begins anew."""
    act(lambda one: one.resume(operation), by=by, why=why, nothing="no ramp", as_json=as_json)


@ramp.command()
@click.argument("operation")
@audited
@json_option
def abort(operation: str, by: str, why: str, as_json: bool) -> None:
    """End the ramp; the mode stays."""
    act(lambda one: one.abort(operation), by=by, why=why, nothing="no ramp", as_json=as_json)


@ramp.command()
@json_option
def show(as_json: bool) -> None:
    """Every ramp, and what it waits for."""
    ramps = or_exit(lambda: with_ownership(read_status))["ramps"]
    if as_json:
        print_json({"ramps": ramps})
        return
    table = Table("ramp", "state", "step", "mode", "verdict", "says", "by", "since")
    for one in ramps:
        table.add_row(
            one["name"],
            one["state"],
            f"{one['step']} of {len(one['steps'])}",
            one["mode"],
            one["verdict"] or "",
            escape(one["says"]),
            escape(one["changed_by"]),
            one["changed_at"],
        )
    console().print(table)


async def read_status(owner: Ownership) -> dict[str, Any]:
    """The status with the evidence of all workers."""
    warden = Warden(owner, Recorder())
    await warden.read()
    return status_of(owner, warden)
