"""What the commands share: settings, the database, exit codes, output."""

import asyncio
import getpass
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console

from legacy_bridge import assembly
from legacy_bridge.assembly import AssemblyError
from legacy_bridge.control.operator import Operator
from legacy_bridge.control.overview import change_as_json
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.selection import ModeError
from legacy_bridge.modes.store import RecordedChange, StoreError
from legacy_bridge.operations.census import CensusError
from legacy_bridge.serve import ServeError
from legacy_bridge.settings import SettingsError, load_settings

OK, NO, COULD_NOT_RUN = 0, 1, 2
_FAILURES = (AssemblyError, CensusError, ModeError, ServeError, SettingsError, StoreError)

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, not a table.")
again_option = click.option(
    "--again", is_flag=True, help="Try what was rolled back once more: it is mended."
)


def audited(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options every change has: --by and --why."""
    for option in (
        click.option("--why", default="", help="The reason, for the history."),
        click.option("--by", default=getpass.getuser, show_default="you", help="For the history."),
    ):
        command = option(command)
    return command


def with_ownership(use: Callable[[Ownership], Coroutine[Any, Any, T]]) -> T:
    """Opens the database, reads the modes, and closes it after use."""

    async def run() -> T:
        settings = load_settings()
        owner = assembly.ownership(assembly.load(settings.assembly), settings)
        try:
            await owner.read()
            return await use(owner)
        finally:
            await owner.stop()

    return asyncio.run(run())


def act(
    action: Callable[[Operator], Coroutine[Any, Any, list[RecordedChange]]],
    *,
    by: str,
    why: str,
    nothing: str,
    as_json: bool = False,
) -> None:
    """Runs an operator's action and says what it changed, or `nothing`."""
    done = or_exit(lambda: with_ownership(lambda owner: action(Operator(owner, by, why))))
    changes = [change_as_json(one) for one in done]
    if as_json:
        print_json({"changed": changes})
        return
    for one in changes:
        kind = "" if one["kind"] == "mode" else f"{one['kind']} "
        click.echo(f"{kind}{one['operation']}: {one['from'] or 'none'} -> {one['to'] or 'none'}")
    if not changes:
        click.echo(nothing)


def or_exit(run: Callable[[], T]) -> T:
    try:
        return run()
    except _FAILURES as error:
        fail(str(error))


def fail(text: str) -> NoReturn:
    click.echo(f"cutover: {text}", err=True)
    sys.exit(COULD_NOT_RUN)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def console() -> Console:
    """Wide enough for whole lines when the output is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else 200)


def mark(value: bool) -> str:
    return "yes" if value else ""
