"""`parity calibrate`: what the legacy differs in from itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parity_core.compare.learned import LearnedKind, render
from parity_tests import config as configuration
from parity_tests.calibrate.use_case import CalibrateOptions, Calibration, calibrate, merged
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.report.exit_code import Exit
from parity_tests.report.save import save_and_show
from parity_tests.report.terminal import TerminalProgress

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("calibrate")
@configured
@click.option(
    "--journey", "-j", "globs", multiple=True, metavar="GLOB",
    help="Only journeys whose name or file name matches; may be repeated.",
)  # fmt: skip
@click.option(
    "--database", default="sqlite", show_default=True, metavar="KIND", help="As for `run`."
)
@click.option(
    "--rounds", type=click.IntRange(1), default=1, show_default=True,
    help="Replays; what differs rarely needs several.",
)  # fmt: skip
@click.option(
    "--days", type=click.IntRange(1), default=30, show_default=True,
    help="After which a learned rule expires.",
)  # fmt: skip
@click.option(
    "--no-rules", is_flag=True, help="Learn without the written rules, as in a project without any."
)
@click.option(
    "--out", "out", type=_FILE,
    help="The file of learned rules; rules for other places that it has are kept until they expire.",
)  # fmt: skip
def command(
    config_path: Path,
    overrides: dict[str, str],
    globs: tuple[str, ...],
    database: str,
    rounds: int,
    days: int,
    no_rules: bool,
    out: Path | None,
) -> None:
    """Replay the legacy against an identical legacy, and learn what differs by itself.

    What two equal stacks differ in is noise, and would be reported for any port. It is recorded per
    operation and place, with counts, as a rule that relaxes the value and nothing else: never a
    status, authentication, a type or the existence of a row. Values that correspond one to one are no
    noise; they are learned as such, and must go on corresponding.

    \b
    parity calibrate --out learned.toml              all journeys, once
    parity calibrate --rounds 3 -j 'exec*'           some of them, three times
    parity run --learned learned.toml                applies what was learned

    \b
    Exit codes: 0 learned, 1 something differs by itself that may not be relaxed, 2 could not run.
    """  # fmt: skip

    def work() -> Exit:
        screen = console()
        config = configuration.load(config_path, overrides)
        options = CalibrateOptions(database, globs, rounds, days, not no_rules)
        with TerminalProgress(screen) as progress:
            calibration = calibrate(config, options, progress)
        rules = merged(out, calibration.learning.rules, date.today()) if out else []
        save_and_show(out, lambda: render(rules), lambda: _show(calibration, screen))
        if out:
            screen.print(f"{len(rules)} rules in {escape(str(out))}", highlight=False)
        return calibration.exit

    guarded(work)


def _show(calibration: Calibration, screen: Console) -> None:
    learning = calibration.learning
    view = Table("operation", "place", "kind", "differed", "first seen")
    for rule in learning.rules:
        style = "" if rule.kind is not LearnedKind.ONE_TO_ONE else "dim"
        evidence = rule.evidence
        cells = (rule.operation, rule.place, rule.kind.value)
        view.add_row(
            *map(escape, cells),
            f"{evidence.differed} of {evidence.pairs}",
            escape(f"{evidence.journey}, step {evidence.step}"),
            style=style,
        )
    for refused in learning.refused:
        evidence = refused.evidence
        view.add_row(
            escape(refused.operation),
            escape(refused.place),
            f"[bold red]not relaxed: {escape(refused.why)}[/]",
            f"{evidence.differed} of {evidence.pairs}",
            escape(f"{evidence.journey}, step {evidence.step}"),
        )
    if view.row_count:
        screen.print(view)
    for note in calibration.notes:
        screen.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    screen.print(
        f"{calibration.exchanges} exchanges in {calibration.journeys} journeys, {calibration.seconds:.1f} s: "
        f"{len(learning.noise)} places of noise, {len(learning.rules) - len(learning.noise)} that "
        f"correspond one to one, {len(learning.refused)} that may not be relaxed",
        highlight=False,
    )
