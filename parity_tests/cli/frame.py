"""What all commands have in common: the console, options of the configuration, exit codes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from parity_core.model import ParityError
from parity_tests import config as configuration
from parity_tests.cli import crash, screen
from parity_tests.cli.screen import console
from parity_tests.report.exit_code import Exit

__all__ = ["configured", "console", "guarded", "pairs_of"]


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
            default=configuration.DEFAULT, show_default="the one that is installed, else ./parity.toml",
            help="TOML file that describes the two targets.",
        ),
        click.option(
            "--set", "overrides", multiple=True, callback=pairs_of, metavar="NAME=VALUE",
            help="Replace one of the configuration's [variables].",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


_BY_EXTRA = dict.fromkeys(("coverage", "libcst"), "pip install 'parity-tests[mutation]'")
"""What only some commands import, and how it is installed."""


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
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _BY_EXTRA:
            raise
        click.echo(
            f"parity: this needs the package {package}: {_BY_EXTRA[package]}",
            err=True,
        )
        code = Exit.COULD_NOT_RUN
    except KeyboardInterrupt:
        click.echo("parity: interrupted", err=True)
        code = Exit.COULD_NOT_RUN
    except Exception as error:
        # 1, which an exception ends with otherwise, is a verdict
        click.echo(crash.describe(error), err=True)
        code = Exit.COULD_NOT_RUN
    if words := screen.lost():
        click.echo(f"parity: {words}", err=True)
        code = Exit.COULD_NOT_RUN
    sys.exit(code)
