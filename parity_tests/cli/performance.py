"""`parity performance`: paired times and SQL statements, against a budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from parity_core.model import ParityError
from parity_tests import config as configuration
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.performance import budget, render
from parity_tests.performance.budget import PerformanceVerdict
from parity_tests.performance.measure import measure
from parity_tests.report import terminal
from parity_tests.report.exit_code import Exit
from parity_tests.report.save import save_and_show

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("performance")
@configured
@click.option(
    "--database", default="sqlite", show_default=True, metavar="KIND", help="As for `run`."
)
@click.option(
    "--budget", "budget_file", type=_FILE, show_default="performance.toml beside the configuration",
    help="TOML file: which journeys, how often, and what the port may cost.",
)  # fmt: skip
@click.option(
    "--journey", "-j", "globs", multiple=True, metavar="GLOB", help="Only these journeys."
)
@click.option("--pairs", type=click.IntRange(1), help="Rounds, instead of the file's.")
@click.option(
    "--seed", default=1, show_default=True, help="Of the order in which stacks are asked."
)
@click.option("--json", "json_file", type=_FILE, help="Write what was measured as JSON.")
@click.option("--strict", is_flag=True, help="Fail on what is inconclusive, too.")
def command(
    config_path: Path,
    overrides: dict[str, str],
    database: str,
    budget_file: Path | None,
    globs: tuple[str, ...],
    pairs: int | None,
    seed: int,
    json_file: Path | None,
    strict: bool,
    **_: Any,
) -> None:
    """Is the port as fast as the legacy, operation by operation, and with how many SQL statements?

    Journeys that succeed are played again and again. Each request goes to both stacks, one after the
    other, in an order that chance decides; the ratio of the two times is told with a bootstrap
    confidence interval. Statements are counted in both processes by one hook on SQLAlchemy.

    \b
    parity performance                            the budget of the configuration, on SQLite
    parity performance --database postgresql
    parity performance -j 'cases' --pairs 100     some of it, more surely

    \b
    Exit codes: 0 within the budget or inconclusive, 1 slower, more statements or another status,
    2 could not run.
    """

    def work() -> Exit:
        config = configuration.load(config_path, overrides)
        plan = budget.load(budget_file or config.path.with_name("performance.toml"))
        if pairs:
            plan = replace(plan, pairs=pairs)
        screen = console()
        with terminal.TerminalProgress(screen) as progress:
            measured = measure(config, plan, globs, database, seed, progress)
        if not measured.operations:
            raise ParityError("nothing was measured; " + "; ".join(measured.notes))
        save_and_show(
            json_file, lambda: render.text(measured, plan), lambda: render.render(measured, screen)
        )
        unsure = any(
            one.verdict is PerformanceVerdict.INCONCLUSIVE for one in measured.operations.values()
        )
        return Exit.DIFFERENT if strict and unsure else measured.exit

    guarded(work)
