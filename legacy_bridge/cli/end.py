"""`cutover report` and `cutover finish`: the end of the road."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from legacy_bridge import assembly
from legacy_bridge.assembly import Assembly, Proof
from legacy_bridge.cli.shared import (
    COULD_NOT_RUN,
    NO,
    OK,
    console,
    fail,
    json_option,
    or_exit,
    print_json,
)
from legacy_bridge.evidence.remaining import Remaining, first_day, remaining
from legacy_bridge.evidence.store import EvidenceStore
from legacy_bridge.operations.operation import Stack
from legacy_bridge.settings import load_settings

_days_option = click.option(
    "--days",
    default=7,
    show_default=True,
    type=click.IntRange(1, 400),
    help="How many days of traffic to count, today included.",
)


@click.command()
@_days_option
@json_option
def report(days: int, as_json: bool) -> None:
    """What still needs the legacy: operations, their traffic, settings and rows.

    Exits 0 when nothing does, 1 when something does. Traffic is counted by every bridge on this
    database, by day in UTC.
    """
    what_remains = or_exit(lambda: asyncio.run(_remaining(_assembled(), days)))
    if as_json:
        print_json(as_json_value(what_remains))
    else:
        _show(what_remains)
    sys.exit(NO if what_remains.needs_legacy else OK)


@click.command()
@click.option(
    "--check",
    is_flag=True,
    required=True,
    help="Prove it. Nothing is switched off by this command.",
)
@_days_option
@click.option(
    "--parity-only", is_flag=True, help="Prove parity even though the report names something left."
)
@click.argument("proof_arguments", nargs=-1, metavar="[-- PARITY ARGUMENTS]")
@json_option
def finish(
    check: bool, days: int, parity_only: bool, proof_arguments: tuple[str, ...], as_json: bool
) -> None:
    """Whether the legacy can be switched off now.

    First the report; when it names nothing, the port is started without the legacy, whose packages
    can't even be imported there, and must pass parity. On scratch copies: your data is not touched.
    What follows `--` goes to `parity run`: --database postgresql, --html FILE, …
    Exits 0 when it may be switched off, 1 when not.

    \b
    What to do then:
      cutover serve --legacy none     the same addresses, without the legacy
      or serve the port by itself, without the bridge
    """
    assembled = or_exit(_assembled)
    what_remains = or_exit(lambda: asyncio.run(_remaining(assembled, days)))
    if what_remains.needs_legacy and not parity_only:
        if as_json:
            print_json({"may_finish": False, "report": as_json_value(what_remains), "parity": None})
        else:
            _show(what_remains)
            click.echo("not yet: see above. --parity-only proves parity all the same")
        sys.exit(NO)
    if assembled.proof is None:
        fail("this assembly names no proof: set Assembly.proof to a command that replays parity")
    code = _prove(assembled.proof, proof_arguments, quiet=as_json)
    if code not in (OK, NO):
        fail(f"parity could not be replayed (exit code {code}): nothing is known")
    may = code == OK and not what_remains.needs_legacy
    if as_json:
        value = {"may_finish": may, "report": as_json_value(what_remains), "parity": code == OK}
        print_json(value)
    elif code == NO:
        click.echo("not yet: the port alone does not pass parity")
    elif may:
        click.echo("The port alone passes parity and nothing needs the legacy: switch it off with")
        click.echo("  cutover serve --legacy none")
    else:
        click.echo("The port alone passes parity; the report names what is left")
    sys.exit(OK if may else NO)


def _assembled() -> Assembly:
    return assembly.load(load_settings().assembly)


async def _remaining(assembled: Assembly, days: int) -> Remaining:
    owner = assembly.ownership(assembled, load_settings())
    try:
        await owner.read()
        traffic = await EvidenceStore(owner.store.database).traffic(first_day(days))
        leftovers = [] if assembled.leftovers is None else await assembled.leftovers()
        return remaining(owner.census, owner.decisions, traffic, leftovers, days=days)
    finally:
        await owner.stop()


def _prove(proof: Proof, arguments: tuple[str, ...], *, quiet: bool) -> int:
    environment = {**os.environ, **proof.environment}
    # With --json, stdout is for the JSON alone.
    target = sys.stderr.fileno() if quiet else None
    try:
        done = subprocess.run(
            [*proof.command, *arguments], env=environment, stdout=target, check=False
        )
    except OSError as error:
        click.echo(f"cutover: {proof.command[0]}: {error.strerror}", err=True)
        return COULD_NOT_RUN
    return done.returncode


def as_json_value(what_remains: Remaining) -> dict[str, Any]:
    return {
        "needs_legacy": what_remains.needs_legacy,
        "days": what_remains.days,
        "traffic": {
            **{stack.value: what_remains.requests(stack) for stack in Stack},
            "ported_share": what_remains.ported_share,
        },
        "operations": [
            {
                "operation": one.operation,
                "mode": one.mode,
                "needs_legacy": one.reason,
                "requests": {stack.value: count for stack, count in one.requests.items()},
                "last_by_legacy": one.last_by_legacy,
            }
            for one in what_remains.operations
        ],
        "leftovers": list(what_remains.leftovers),
        "infrastructure": list(what_remains.infrastructure),
    }


def _show(what_remains: Remaining) -> None:
    out = console()
    held = what_remains.held
    if held:
        table = Table("operation", "needs the legacy", "by legacy", "by the port", "last by legacy")
        for one in sorted(held, key=lambda one: -one.requests[Stack.LEGACY]):
            table.add_row(
                escape(one.operation),
                one.reason,
                str(one.requests[Stack.LEGACY]),
                str(one.requests[Stack.PORTED]),
                one.last_by_legacy or "",
            )
        out.print(table)
    total = len(what_remains.operations)
    share = what_remains.ported_share
    traffic = "no traffic" if share is None else f"{share:.1%} of the requests"
    out.print(
        f"{total - len(held)} of {total} operations are the port's; "
        f"{traffic} of the last {what_remains.days} days",
        highlight=False,
    )
    for text in what_remains.leftovers:
        out.print(f"left: {text}", markup=False, highlight=False)
    if what_remains.infrastructure:
        rules = ", ".join(what_remains.infrastructure)
        out.print(f"goes with the legacy: {rules}", markup=False, highlight=False)
    if not what_remains.needs_legacy:
        out.print("Nothing needs the legacy. Prove it: cutover finish --check")
