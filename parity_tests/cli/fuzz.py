"""`parity fuzz`: sequences that nobody wrote, on both stacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from parity_tests import config as configuration
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.fuzz import pages, render
from parity_tests.fuzz.use_case import ALL, FuzzOptions, fuzz
from parity_tests.mutants.plant import package_folder
from parity_tests.report.exit_code import Exit
from parity_tests.report.save import save as save_file

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_HERE = "the journeys"


def _pairs(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = [one.partition("=") for one in values]
    if any(not name or not equals for name, equals, _ in pairs):
        raise click.BadParameter("write NAME=VALUE")
    return tuple((name, value) for name, _, value in pairs)


@click.command("fuzz")
@configured
@click.option(
    "--examples",
    type=click.IntRange(1),
    help="Examples that Hypothesis draws, each of --steps requests.",
)
@click.option("--exchanges", type=click.IntRange(1), help="Stop after so many exchanges.")
@click.option(
    "--time",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop after so long, shrinking included.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="Draw the requests of an earlier run again; it printed its seed.",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    help="Requests that one example draws.",
)
@click.option(
    "--operation",
    "-o",
    "operations",
    multiple=True,
    metavar="GLOB",
    help="Only operations that match, as 'POST /case/*'; may be repeated.",
)
@click.option(
    "--opening/--no-opening",
    default=True,
    show_default=True,
    help="First ask each operation once as it is configured, and once as nobody.",
)
@click.option(
    "--database", default="sqlite", show_default=True, metavar="KIND", help="As for `run`."
)
@click.option(
    "--profile",
    default=ALL,
    show_default=True,
    metavar="NAME",
    help="Settings and services of both stacks, as [profiles.NAME] of the fuzz file has them; `all`: by turns.",
)
@click.option(
    "--env",
    "settings",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="A setting of both stacks; may be repeated.",
)
@click.option(
    "--save",
    type=_FOLDER,
    is_flag=False,
    flag_value=_HERE,
    metavar="[FOLDER]",
    help="Write what was found as journeys: to the configured ones, or to a folder.",
)
@click.option(
    "--guided",
    is_flag=True,
    help="Record which branches of the port are reached, and go on from what reached new ones.",
)
@click.option(
    "--recorded", is_flag=True, help="Record and list them only; what is drawn stays as it is."
)
@click.option("--json", "json_file", type=_FILE, help="Write the report as JSON.")  # fmt: skip
@click.option("--markdown", "markdown_file", type=_FILE, help="Write the report as Markdown.")  # fmt: skip
@click.option("--html", "html_file", type=_FILE, help="Write the report as one page, offline.")  # fmt: skip
def command(
    config_path: Path,
    overrides: dict[str, str],
    examples: int | None,
    exchanges: int | None,
    seconds: float | None,
    seed: int | None,
    steps: int,
    operations: tuple[str, ...],
    opening: bool,
    database: str,
    profile: str,
    settings: tuple[tuple[str, str], ...],
    save: Path | None,
    guided: bool,
    recorded: bool,
    json_file: Path | None,
    markdown_file: Path | None,
    html_file: Path | None,
) -> None:
    """Draw sequences of requests, play them on both stacks, compare, and shrink what differs.

    \b
    parity fuzz                                      100 examples of 40 requests
    parity fuzz --exchanges 10000                    until 10,000 requests were compared
    parity fuzz --time 300 -o '* /case/*'            five minutes of one corner
    parity fuzz --seed 1234 --examples 20            the same requests as the run that printed 1234
    parity fuzz --seed 1234 --save                   what is found becomes journeys of `parity run`

    Requests are valid and invalid, by users who may and who may not, about things that earlier
    requests made. Every exchange is compared as a journey's is, rows and waivers included.
    A sequence that differs is shrunk to the shortest that still does.

    \b
    Exit codes: 0 same, 1 different, 2 could not run.
    """
    if examples is None and exchanges is None and seconds is None:
        examples = 100

    def work() -> Exit:
        config = configuration.load(config_path, overrides)
        folder = config.journeys if save == Path(_HERE) else save
        options = FuzzOptions(
            seed,
            examples,
            exchanges,
            seconds,
            steps,
            operations,
            opening,
            database,
            profile,
            settings,
            folder,
            source=package_folder(config) if guided or recorded else None,
            guided=guided,
        )
        screen = console()
        report = fuzz(config, options, render.FuzzProgress(screen))
        document = render.document(report)
        texts: dict[Path | None, Callable[[], str]] = {
            json_file: lambda: render.render_json(report),
            markdown_file: lambda: pages.markdown(document),
            html_file: lambda: pages.page(document),
        }
        try:
            for file, text in texts.items():
                if file is not None:
                    save_file(file, text())
        finally:
            render.render(report, screen)
        return report.exit

    guarded(work)
