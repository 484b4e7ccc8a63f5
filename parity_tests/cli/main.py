"""`parity`: replays the same requests on two stacks and compares replies and database rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from parity_tests import config as configuration
from parity_tests.cli import calibrate as calibrate_command
from parity_tests.cli import capture as capture_command
from parity_tests.cli import explain, fuzz, gate, report
from parity_tests.cli import init as init_command
from parity_tests.cli import matrix as matrix_command
from parity_tests.cli import mutants as mutants_command
from parity_tests.cli import performance as performance_command
from parity_tests.cli import reach as reach_command
from parity_tests.cli import replay as replay_command
from parity_tests.cli import suite as suite_command
from parity_tests.cli import triangle as triangle_command
from parity_tests.cli import waivers as waivers_command
from parity_tests.cli.crash import Guarded
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.journeys import read as journey_files
from parity_tests.report import outputs, terminal
from parity_tests.report.exit_code import Exit
from parity_tests.run.use_case import RunOptions, run
from parity_tests.stage.services import registry

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.group(cls=Guarded, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Compare two stacks that should answer alike: the legacy, and its port.

    Journeys (YAML files of requests) are sent to both, at the same time, on two copies of one
    database. Status, headers, bodies and the rows that each request changed must agree; values that
    each stack generates itself must correspond one to one.

    \b
    Exit codes: 0 same, 1 different, 2 could not run.
    """


@main.command("run")
@configured
@click.option(
    "--database",
    default="sqlite",
    show_default=True,
    metavar="KIND",
    help="sqlite, postgresql (starts a private server), or postgresql=URL of a server "
    "on which databases may be created.",
)
@click.option(
    "--journey",
    "-j",
    "globs",
    multiple=True,
    metavar="GLOB",
    help="Only journeys whose name or file name matches; may be repeated.",
)
@outputs.options
@click.option("--keep", is_flag=True, help="Keep databases and logs, and say where.")
@click.option(
    "--learned",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rules that `parity calibrate` learned.",
)
@click.option(
    "--lanes",
    type=click.IntRange(min=1),
    help="Journeys played side by side, each on stacks of its own; as a rule one more than there are processors.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first pair that differs.")
@click.option("--legacy", metavar="URL", help="A legacy that runs already; needs --ported.")
@click.option("--ported", metavar="URL", help="A port that runs already; needs --legacy.")
@click.option(
    "--legacy-db", metavar="URL", help="Its database, to compare rows (restored between journeys!)."
)
@click.option(
    "--ported-db", metavar="URL", help="Its database, to compare rows (restored between journeys!)."
)
@click.option(
    "-v", "--verbose", is_flag=True, help="A line per exchange, and what no journey asks."
)
def run_command(
    config_path: Path,
    overrides: dict[str, str],
    globs: tuple[str, ...],
    verbose: bool,
    **options: Any,
) -> None:
    """Replay the journeys on both stacks and compare.

    \b
    parity run                               all journeys, on SQLite
    parity run --database postgresql         on PostgreSQL
    parity run -j 'user-*' -v                some of them, request by request
    parity run --html report.html            with all pairs that differ, for a browser
    parity run --legacy http://a --ported http://b
    """  # fmt: skip
    if bool(options["legacy"]) != bool(options["ported"]):
        raise click.UsageError("--legacy and --ported go together")
    files, earlier = outputs.chosen(options), options.pop("since_file")

    def work() -> Exit:
        screen = console()
        since = outputs.observed_before(earlier if earlier and earlier.exists() else None)
        config = configuration.load(config_path, overrides)
        with terminal.TerminalProgress(screen, verbose) as progress:
            result = run(config, RunOptions(journeys=globs, **options), progress)
        result.since = since
        outputs.deliver(result, files, lambda: terminal.render(result, screen, verbose))
        return result.exit

    guarded(work)


@main.command("journeys")
@configured
@click.argument("globs", nargs=-1, metavar="[GLOB]...")
def journeys_command(config_path: Path, overrides: dict[str, str], globs: tuple[str, ...]) -> None:
    """List the journeys, checked."""

    def work() -> Exit:
        config = configuration.load(config_path, overrides)
        view = Table("journey", "requests", "profile", "about")
        loaded = journey_files.load_all(config.journeys, globs, config.users, registry.provided)
        for journey in loaded:
            count = str(len(journey.steps))
            view.add_row(journey.name, count, escape(str(journey.profile)), escape(journey.about))
        screen = console()
        screen.print(view)
        screen.print(f"{len(loaded)} journeys, {sum(len(j.steps) for j in loaded)} requests")
        return Exit.SAME

    guarded(work)


main.add_command(report.command)
main.add_command(gate.command)
main.add_command(explain.command)
main.add_command(waivers_command.command)
main.add_command(performance_command.command)
main.add_command(triangle_command.command)
main.add_command(calibrate_command.command)
main.add_command(matrix_command.command)
main.add_command(mutants_command.command)
main.add_command(reach_command.command)
main.add_command(fuzz.command)
main.add_command(suite_command.command)
main.add_command(init_command.command)
main.add_command(replay_command.command)
main.add_command(capture_command.command)
