"""`parity mutants`: does the comparison find bugs that are planted?"""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from parity_tests import config as configuration
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.mutants import plant, report
from parity_tests.mutants.by_fuzz import BUDGET
from parity_tests.mutants.model import Part, chosen
from parity_tests.mutants.run import MutantOptions, run
from parity_tests.report.exit_code import Exit
from parity_tests.report.terminal import TerminalProgress

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("mutants")
@configured
@click.option("--only", multiple=True, metavar="ID", help="Only these mutants; may be repeated.")
@click.option(
    "--group", default="", metavar="NAME", help="The mutants of this group, not the usual ones."
)
@click.option(
    "--by", multiple=True, type=click.Choice([*(part.value for part in Part), "all"]),
    default=("journeys",), show_default=True, help="What looks for them; may be repeated.",
)  # fmt: skip
@click.option(
    "--database", default="sqlite", show_default=True, metavar="KIND", help="As for `run`."
)
@click.option("--seed", default=1, show_default=True, help="Of the sequences that `fuzz` draws.")
@click.option(
    "--exchanges", "budget", default=BUDGET, show_default=True, type=click.IntRange(1),
    help="That `fuzz` draws for one mutant at most.",
)  # fmt: skip
@click.option(
    "--aim", is_flag=True,
    help="Let `fuzz` draw from the operations of the mutant's resource only, as /case/….",
)  # fmt: skip
@click.option("--json", "json_file", type=_FILE, help="Write the result as JSON.")
@click.option(
    "--list", "list_only", is_flag=True, help="List the mutants and check that each applies."
)
def command(
    config_path: Path,
    overrides: dict[str, str],
    only: tuple[str, ...],
    group: str,
    by: tuple[str, ...],
    database: str,
    seed: int,
    budget: int,
    aim: bool,
    json_file: Path | None,
    list_only: bool,
) -> None:
    """Plant one bug at a time in a copy of the port and see what finds it, in how many requests.

    Each mutant is one replacement in one file, and names the operation and the place where it must
    show. The port that is installed is never changed. A mutant that is declared equivalent changes
    nothing a client can see, and must not be found.

    \b
    journeys   the written journeys that ask the operation, until the place is red
    matrix     the operation asked by every role under every setting, until a cell is red
    fuzz       sequences drawn over all operations (or those of a resource, --aim), until anything is red

    \b
    parity mutants                               by journeys
    parity mutants --by all --json mutants.json  by every part
    parity mutants --only row-written-twice --by fuzz --seed 7

    \b
    Exit codes: 0 each is found by a part, 1 one is missed, 2 could not run.
    """  # fmt: skip

    def work() -> Exit:
        screen = console()
        config = configuration.load(config_path, overrides)
        found = plant.load(config.mutants, only, group)
        if list_only:
            plant.check(config, found)
            view = Table("mutant", "kind", "file", "operation", "place", "about")
            for one in found:
                kind = "equivalent" if one.equivalent else one.kind
                view.add_row(
                    *map(escape, (one.id, kind, one.file, one.operation, one.place, one.about))
                )
            screen.print(view)
            return Exit.SAME
        options = MutantOptions(chosen(by), database, seed, budget, aim)
        with TerminalProgress(screen) as progress:
            result = run(config, found, options, progress)
        report.render(result, screen)
        if json_file:
            json_file.write_text(report.render_json(result), encoding="utf-8")
        return result.exit

    guarded(work)
