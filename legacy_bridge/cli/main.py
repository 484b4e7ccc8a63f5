"""The command `cutover`: serve both stacks, see and change who answers what.

Exit codes: 0 done, 1 the answer is no, 2 it could not be done.
"""

import importlib
import os
import sys
from collections import Counter
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from legacy_bridge import assembly
from legacy_bridge.capture.options import CaptureOptions
from legacy_bridge.cli import control as control_commands
from legacy_bridge.cli.end import finish, report
from legacy_bridge.cli.guards import guards
from legacy_bridge.cli.ramp import ramp, read_status
from legacy_bridge.cli.setting_options import setting_options
from legacy_bridge.cli.shared import (
    OK,
    act,
    again_option,
    audited,
    console,
    json_option,
    mark,
    or_exit,
    print_json,
    with_ownership,
)
from legacy_bridge.cli.watch import watch
from legacy_bridge.control.overview import change_as_json
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.operations.census import rules_as_json
from legacy_bridge.operations.operation import Mode
from legacy_bridge.serve import listen
from legacy_bridge.serve import serve as serve_bridge
from legacy_bridge.settings import installed_assembly, load_settings
from legacy_bridge.telemetry.logs import LogFormat


class _Commands(click.Group):
    """The commands here, and those the chosen assembly brings."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_brought()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        known = super().get_command(ctx, cmd_name)
        if known is not None or cmd_name not in (brought := _brought()):
            return known
        module, _, attribute = brought[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


def _brought() -> dict[str, str]:
    reference = os.environ.get("CUTOVER_ASSEMBLY") or installed_assembly()
    try:
        module = importlib.import_module(reference.partition(":")[0])
    except (ImportError, ValueError):
        return {}
    commands: dict[str, str] = getattr(module, "COMMANDS", {})
    return commands


def _choose_assembly(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        os.environ["CUTOVER_ASSEMBLY"] = value


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--assembly",
    metavar="MODULE:FUNCTION",
    is_eager=True,
    expose_value=False,
    callback=_choose_assembly,
    help="What joins a legacy and a port; also CUTOVER_ASSEMBLY.",
)
def main() -> None:
    """Move a live web application from its legacy stack to its port, operation by operation.

    \b
    cutover serve --port 5000            both stacks behind one address
    cutover status                       who answers what
    cutover watch                        the same, live
    cutover set 'GET /thing/' shadow     move one operation
    cutover ramp start 'GET /thing/'     move it step by step, on evidence
    cutover rollback 'GET /thing/'       take it back, and keep it there
    cutover kill                         take everything back at once
    cutover history                      who changed what

    The page at /_cutover/ of whatever `cutover serve` serves does the same.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1))
@click.option(
    "--legacy",
    metavar="in-process|URL|none",
    help="Where the legacy is: in this process (the default), at http(s)://…, or gone.",
)
@click.option("--allow-force", is_flag=True, help="Honour X-Force-Stack. For tests only.")
@click.option(
    "--default-mode",
    type=click.Choice([mode.value for mode in Mode if mode is not Mode.CANARY]),
    help="Mode of ported operations that nobody has set; kept in the database. At first: legacy.",
)
@click.option("--access-log", is_flag=True, help="Log every request; also CUTOVER_ACCESS_LOG=1.")
@click.option(
    "--log",
    type=click.Choice([kind.value for kind in LogFormat]),
    help="How log lines are written; also CUTOVER_LOG.",
)
@setting_options(CaptureOptions, without=frozenset({"capture_key"}))
def serve(
    host: str,
    port: int,
    workers: int,
    legacy: str | None,
    allow_force: bool,
    default_mode: str | None,
    access_log: bool,
    log: str | None,
    **capture: Any,
) -> None:
    """Serve both stacks behind one address until stopped.

    The environment of the application (its database address and secrets) is needed as it is; set
    CUTOVER_TOKEN to open the control API under /_cutover/.
    """
    options: dict[str, Any] = {name: value for name, value in capture.items() if value is not None}
    if legacy is not None:
        options["legacy"] = legacy
    if allow_force:
        options["allow_force"] = True
    if access_log:
        options["access_log"] = True
    if log is not None:
        options["log"] = log

    def run() -> None:
        settings = load_settings(**options)
        serve_bridge(
            listen(host, port),
            settings,
            workers=workers,
            default_mode=None if default_mode is None else Mode(default_mode),
        )

    or_exit(run)


@main.command()
@json_option
def status(as_json: bool) -> None:
    """Who answers what, and who decided so."""
    current = or_exit(lambda: with_ownership(read_status))
    if as_json:
        print_json(current)
        return
    table = Table(
        "operation", "ported", "guarded", "mode", "verdict", "changed by", "changed at", "why"
    )
    for row in current["operations"]:
        style = "green" if row["mode"] == Mode.PORTED else None
        table.add_row(
            row["operation"],
            mark(row["ported"]),
            mark(row["guarded"]),
            _mode(row),
            row["evidence"]["verdict"] if row["evidence"] else "",
            escape(row["changed_by"] or ""),
            row["changed_at"] or "",
            escape(row["why"] or ""),
            style=style,
        )
    out = console()
    out.print(table)
    modes = Counter(row["mode"] for row in current["operations"])
    ported = sum(row["ported"] for row in current["operations"])
    total = len(current["operations"])
    out.print(f"{ported} of {total} operations are ported; {_counts(modes)}")
    if current["killed"] is not None:
        out.print(
            f"KILLED by {current['killed']['by']} at {current['killed']['at']}: the legacy answers "
            "everything; lift it with `cutover unkill`",
            style="red",
            markup=False,
        )
    for name in current["guards_off"]:
        out.print(f"the guard {name} is switched off", style="yellow", markup=False)
    for reason in current["ignored"]:
        out.print(f"without effect: {reason}", style="yellow", markup=False)


@main.command("set")
@click.argument("operation")
@click.argument("mode", nargs=-1, required=True)
@again_option
@audited
@json_option
def set_mode(
    operation: str, mode: tuple[str, ...], again: bool, by: str, why: str, as_json: bool
) -> None:
    """Let MODE decide who answers OPERATION, while serving.

    OPERATION is 'METHOD rule' as `cutover status` lists it, a group, a glob ('* /user/*'), or
    all-ported. Every worker follows within two seconds; a ramp of it ends.

    \b
    legacy      the legacy answers
    shadow      the legacy answers, the port is asked too and compared
    canary 5%   five percent of the users get the port, for the others as in shadow
    mirror      the port answers, the legacy is asked too and compared
    ported      the port answers
    """
    wanted = " ".join(mode)
    act(
        lambda operator: operator.set_mode(operation, wanted, again=again),
        by=by,
        why=why,
        nothing=f"nothing to change: already {wanted}",
        as_json=as_json,
    )


@main.command()
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@json_option
def history(limit: int, as_json: bool) -> None:
    """Who changed what, when and why; the newest first."""

    async def read(owner: Ownership) -> list[dict[str, str]]:
        return [change_as_json(one) for one in await owner.store.history(limit)]

    changes = or_exit(lambda: with_ownership(read))
    if as_json:
        print_json({"history": changes})
        return
    table = Table("when", "who", "what", "operation", "from", "to", "why")
    for one in changes:
        table.add_row(
            *(
                escape(one[key])
                for key in ("changed_at", "changed_by", "kind", "operation", "from", "to", "why")
            )
        )
    console().print(table)


@main.command()
@json_option
def census(as_json: bool) -> None:
    """All operations with who implements each, read from both routers.

    Exits 1 when the two stacks do not fit. The JSON can stand in for a legacy that can't be imported
    (CUTOVER_RULES).
    """

    def take() -> Any:
        settings = load_settings()
        assembled = assembly.load(settings.assembly)
        return assembled, assembly.census(assembled, settings)

    assembled, taken = or_exit(take)
    if as_json:
        print_json(
            {
                "rules_total": len(taken.rules),
                "operations_total": len(taken.entries),
                "operations_ported": len(taken.ported),
                "operations": [
                    {
                        "operation": str(entry.operation),
                        "method": entry.operation.method,
                        "rule": entry.operation.rule,
                        "name": entry.name,
                        "legacy_guarded": entry.legacy_guarded,
                        "ported": entry.ported,
                        "ported_guarded": entry.ported_guarded,
                    }
                    for entry in taken.entries
                ],
                "infrastructure": list(taken.infrastructure),
                "problems": list(taken.problems),
                "rules": rules_as_json(assembled.rules),
            }
        )
    else:
        table = Table("operation", "name", "legacy guard", "ported", "ported guard")
        for entry in taken.entries:
            table.add_row(
                str(entry.operation),
                entry.name,
                mark(entry.legacy_guarded),
                mark(entry.ported),
                mark(bool(entry.ported_guarded)),
            )
        out = console()
        out.print(table)
        out.print(
            f"{len(taken.rules)} rules, {len(taken.entries)} operations, {len(taken.ported)} ported; "
            f"{len(taken.infrastructure)} rules of infrastructure are not counted"
        )
        for problem in taken.problems:
            out.print(problem, style="red", markup=False)
    sys.exit(1 if taken.problems else OK)


main.add_command(ramp)
main.add_command(watch)
main.add_command(report)
main.add_command(finish)
main.add_command(guards)
for _command in (
    control_commands.rollback,
    control_commands.acknowledge,
    control_commands.kill,
    control_commands.unkill,
    control_commands.group,
    control_commands.budget,
    control_commands.sticky,
    control_commands.breaches,
):
    main.add_command(_command)


def _mode(row: dict[str, Any]) -> str:
    """With the share of a canary, and whether it was rolled back."""
    shown = f"canary {row['share']:g}%" if row["mode"] == Mode.CANARY else str(row["mode"])
    return f"{shown} (rolled back)" if row["held"] else shown


def _counts(modes: Counter[str]) -> str:
    return ", ".join(f"{count} answered in mode {mode}" for mode, count in sorted(modes.items()))
