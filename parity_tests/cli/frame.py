"""What all commands have in common: the console, options of the configuration, exit codes."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from parity_core.model import ParityError
from parity_tests import config as configuration
from parity_tests.report.exit_code import Exit


def console(**options: Any) -> Console:
    # a pipe has no width: wide enough for two replies side by side
    return Console(width=None if sys.stdout.isatty() else 160, **options)


def pairs_of(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE, repeated, as a mapping."""
    pairs = [value.partition("=") for value in values]
    if any(not name or not equals for name, equals, _ in pairs):
        raise click.BadParameter("write NAME=VALUE")
    return {name: value for name, _, value in pairs}


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --config and --set, as `config_path` and `overrides`."""
    for option in (
        click.option(
            "--config", "config_path", type=click.Path(dir_okay=False, path_type=Path),
            default=configuration.DEFAULT, show_default="the one that is shipped",
            help="TOML file that describes the two targets.",
        ),
        click.option(
            "--set", "overrides", multiple=True, callback=pairs_of, metavar="NAME=VALUE",
            help="Replace one of the configuration's [variables].",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def guarded(work: Callable[[], Exit]) -> None:
    """Runs a command's work and ends the process with its exit code; errors become words and a 2."""
    # a run that is told to end stops its servers first, as one that is interrupted does
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)
    try:
        code = work()
    except ParityError as error:
        click.echo(f"parity: {error}", err=True)
        code = Exit.COULD_NOT_RUN
    except Exception:
        # an exit code of 1 would say that the stacks differ
        traceback.print_exc()
        click.echo("parity: this is a fault of parity, with the trace above", err=True)
        code = Exit.COULD_NOT_RUN
    except KeyboardInterrupt:
        click.echo("parity: interrupted", err=True)
        code = Exit.COULD_NOT_RUN
    sys.exit(code)
