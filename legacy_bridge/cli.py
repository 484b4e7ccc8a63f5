"""The command `cutover`: serve both stacks, see and change who answers what.

Exit codes: 0 done, 1 the answer is no, 2 it could not be done.
"""

import asyncio
import getpass
import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import click
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from legacy_bridge import assembly
from legacy_bridge.assembly import AssemblyError
from legacy_bridge.capture_cli import capture_options
from legacy_bridge.census import CensusError, rules_as_json
from legacy_bridge.control import change_as_json, status_of
from legacy_bridge.operation import Mode
from legacy_bridge.ownership import ModeError, Ownership
from legacy_bridge.serve import ServeError, listen
from legacy_bridge.serve import serve as serve_bridge
from legacy_bridge.settings import BridgeSettings
from legacy_bridge.store import StoreError

_OK, _COULD_NOT_RUN = 0, 2
_FAILURES = (AssemblyError, CensusError, ModeError, ServeError, StoreError)

T = TypeVar("T")

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, not a table.")


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
    reference = os.environ.get("CUTOVER_ASSEMBLY", BridgeSettings.model_fields["assembly"].default)
    try:
        module = importlib.import_module(str(reference).partition(":")[0])
    except ImportError:
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
    cutover set 'GET /thing/' ported     move one operation
    cutover set all-ported legacy        take everything back
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
    type=click.Choice([mode.value for mode in Mode]),
    help="Mode of ported operations that nobody has set; kept in the database. At first: legacy.",
)
@click.option("--access-log", is_flag=True, help="Log every request.")
@capture_options
def serve(
    host: str,
    port: int,
    workers: int,
    legacy: str | None,
    allow_force: bool,
    default_mode: str | None,
    access_log: bool,
    **capture: Any,
) -> None:
    """Serve both stacks behind one address until stopped.

    The environment of the application (its database address and secrets) is needed as it is; set
    CUTOVER_TOKEN to open the control API under /_cutover/.
    """
    given: dict[str, Any] = {name: value for name, value in capture.items() if value is not None}
    if legacy is not None:
        given["legacy"] = legacy
    if allow_force:
        given["allow_force"] = True

    def run() -> None:
        settings = _settings(**given)
        serve_bridge(
            listen(host, port),
            settings,
            workers=workers,
            default_mode=None if default_mode is None else Mode(default_mode),
            access_log=access_log,
        )

    _or_exit(run)


@main.command()
@_json_option
def status(as_json: bool) -> None:
    """Who answers what, and who decided so."""
    found = _or_exit(lambda: _with_ownership(_status))
    if as_json:
        _print_json(found)
        return
    table = Table("operation", "ported", "guarded", "mode", "changed by", "changed at", "why")
    for row in found["operations"]:
        style = "green" if row["mode"] == Mode.PORTED else None
        table.add_row(
            row["operation"],
            _mark(row["ported"]),
            _mark(row["guarded"]),
            row["mode"],
            escape(row["changed_by"] or ""),
            row["changed_at"] or "",
            escape(row["why"] or ""),
            style=style,
        )
    console = _console()
    console.print(table)
    modes = Counter(row["mode"] for row in found["operations"])
    ported = sum(row["ported"] for row in found["operations"])
    total = len(found["operations"])
    console.print(f"{ported} of {total} operations are ported; {_counts(modes)}")
    for reason in found["ignored"]:
        console.print(f"without effect: {reason}", style="yellow", markup=False)


async def _status(owner: Ownership) -> dict[str, Any]:
    return status_of(owner)


@main.command("set")
@click.argument("operation")
@click.argument("mode", type=click.Choice([mode.value for mode in Mode]))
@click.option("--why", default="", help="The reason, for the history.")
@click.option("--by", default=getpass.getuser, show_default="you", help="Who, for the history.")
def set_mode(operation: str, mode: str, why: str, by: str) -> None:
    """Let MODE decide who answers OPERATION, while serving.

    OPERATION is 'METHOD rule' as `cutover status` lists it, a glob over those ('* /user/*'), or
    all-ported. Every worker follows within two seconds.
    """

    async def change(owner: Ownership) -> list[dict[str, str]]:
        done = await owner.change(operation, Mode(mode), who=by, why=why)
        return [change_as_json(one) for one in done]

    done = _or_exit(lambda: _with_ownership(change))
    for one in done:
        click.echo(f"{one['operation']}: {one['from']} -> {one['to']}")
    if not done:
        click.echo(f"nothing to change: already {mode}")


@main.command()
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@_json_option
def history(limit: int, as_json: bool) -> None:
    """Who changed what, when and why; the newest first."""

    async def read(owner: Ownership) -> list[dict[str, str]]:
        return [change_as_json(one) for one in await owner.store.history(limit)]

    found = _or_exit(lambda: _with_ownership(read))
    if as_json:
        _print_json({"history": found})
        return
    table = Table("when", "who", "operation", "from", "to", "why")
    for one in found:
        table.add_row(
            *(
                escape(one[key])
                for key in ("changed_at", "changed_by", "operation", "from", "to", "why")
            )
        )
    _console().print(table)


@main.command()
@_json_option
def census(as_json: bool) -> None:
    """All operations with who implements each, read from both routers.

    Exits 1 when the two stacks do not fit. The JSON can stand in for a legacy that can't be imported
    (CUTOVER_RULES).
    """

    def take() -> Any:
        settings = _settings()
        assembled = assembly.load(settings.assembly)
        return assembled, assembly.census(assembled, settings)

    assembled, taken = _or_exit(take)
    if as_json:
        _print_json(
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
                _mark(entry.legacy_guarded),
                _mark(entry.ported),
                _mark(bool(entry.ported_guarded)),
            )
        console = _console()
        console.print(table)
        console.print(
            f"{len(taken.rules)} rules, {len(taken.entries)} operations, {len(taken.ported)} ported; "
            f"{len(taken.infrastructure)} rules of infrastructure are not counted"
        )
        for problem in taken.problems:
            console.print(problem, style="red", markup=False)
    sys.exit(1 if taken.problems else _OK)


def _settings(**given: Any) -> BridgeSettings:
    try:
        return BridgeSettings(**given)
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
        )
        raise AssemblyError(f"the bridge's settings are wrong: {reasons}") from error


def _with_ownership(use: Callable[[Ownership], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        settings = _settings()
        owner = assembly.ownership(assembly.load(settings.assembly), settings)
        try:
            await owner.read()
            return await use(owner)
        finally:
            await owner.stop()

    return asyncio.run(run())


def _or_exit(run: Callable[[], T]) -> T:
    try:
        return run()
    except _FAILURES as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    click.echo(f"cutover: {text}", err=True)
    sys.exit(_COULD_NOT_RUN)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def _console() -> Console:
    """Wide enough for whole lines when the output is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else 200)


def _mark(value: bool) -> str:
    return "yes" if value else ""


def _counts(modes: Counter[str]) -> str:
    return ", ".join(f"{count} answered in mode {mode}" for mode, count in sorted(modes.items()))


if __name__ == "__main__":
    main()
