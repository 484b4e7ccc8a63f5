"""`parity mutants`: does the comparison find bugs that are planted?"""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from parity_tests import config as configuration
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.cli.generated_mutants import Chosen, list_generated, run_generated
from parity_tests.cli.reach import cache_file
from parity_tests.mutants import plant, report
from parity_tests.mutants.by_fuzz import BUDGET
from parity_tests.mutants.model import Part, chosen
from parity_tests.mutants.run import MutantOptions, run
from parity_tests.report.exit_code import Exit
from parity_tests.report.save import save_and_show
from parity_tests.report.terminal import TerminalProgress

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


def _parts(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name for value in values for name in value.split(","))
    if unknown := set(names) - {*Part, "seed", "tests", "all"}:
        raise click.BadParameter(f"no part {', '.join(sorted(unknown))}")
    return names


@click.command("mutants")
@configured
@click.option("--only", multiple=True, metavar="ID", help="Only these mutants; may be repeated.")
@click.option(
    "--group", default="", metavar="NAME", help="The mutants of this group, not the usual ones."
)
@click.option(
    "--by", multiple=True, metavar="PART[,PART]", callback=_parts,
    default=("journeys",), show_default=True,
    help="What looks for them: journeys, matrix, fuzz, all; seed and tests, too, with --generated.",
)  # fmt: skip
@click.option(
    "--database", default="sqlite", show_default=True, metavar="KIND", help="As for `run`."
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    help="Of the sequences that `fuzz` draws, and of the sample of --generated.",
)
@click.option(
    "--exchanges",
    "budget",
    default=BUDGET,
    show_default=True,
    type=click.IntRange(1),
    help="That `fuzz` draws for one mutant at most; that one part plays, with --generated.",
)
@click.option(
    "--generated",
    "count",
    type=click.IntRange(1),
    metavar="COUNT",
    help="So many mutants that rules make of the port's files, not the hand-written ones.",
)
@click.option(
    "--resume",
    type=_FILE,
    help="With --generated: append each result to this file, and go on where it ends.",
)
@click.option("--again", is_flag=True, help="With --resume: try those again that were not killed.")
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="With --generated: mutants at the same time, each on stacks of its own.",
)
@click.option(
    "--seconds",
    default=300.0,
    show_default=True,
    type=click.FloatRange(1),
    help="With --generated: that one part has for one mutant; then it has timed out.",
)
@click.option(
    "--reach", "reach_file", type=_FILE,
    help="With --generated: the recording of `parity reach`.  [default: .parity/reach-KIND.json]",
)  # fmt: skip
@click.option(
    "--aim", is_flag=True,
    help="Let `fuzz` draw from the operations of the mutant's resource only, as /case/….",
)  # fmt: skip
@click.option("--json", "json_file", type=_FILE, help="Write the result as JSON.")
@click.option(
    "--list",
    "list_only",
    is_flag=True,
    help="List the mutants and check that each applies.",
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
    count: int | None,
    resume: Path | None,
    again: bool,
    jobs: int,
    seconds: float,
    reach_file: Path | None,
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

    With --generated, rules make mutants of the port's files (comparisons flipped, filters dropped,
    keys renamed, ...). A sample of them is tried by one part after another until one kills it, and
    each part asks only what the recording of `parity reach` says to reach the line.

    \b
    seed       the seed made by the mutant's commands, compared with the one of the legacy's own
    tests      the unit tests that import the mutant's file most directly

    \b
    parity mutants --generated 200 --seed 3 --by all --resume run.jsonl --jobs 2

    \b
    Exit codes: 0 each is found by a part, 1 one is missed, 2 could not run.
    """  # fmt: skip

    def work() -> Exit:
        screen = console()
        config = configuration.load(config_path, overrides)
        if count is not None:
            chosen_generated = Chosen(
                count, seed, by, database, only, jobs, budget, seconds,
                cache_file(reach_file, database), resume, again, json_file,
            )  # fmt: skip
            if list_only:
                return list_generated(config, chosen_generated, screen)
            return run_generated(config, chosen_generated, screen)
        planted = plant.load(config.mutants, only, group)
        if list_only:
            plant.check(config, planted)
            view = Table("mutant", "kind", "file", "operation", "place", "about")
            for one in planted:
                kind = "equivalent" if one.equivalent else one.kind
                view.add_row(
                    *map(escape, (one.id, kind, one.file, one.operation, one.place, one.about))
                )
            screen.print(view)
            return Exit.SAME
        options = MutantOptions(chosen(by), database, seed, budget, aim)
        with TerminalProgress(screen) as progress:
            result = run(config, planted, options, progress)
        save_and_show(
            json_file, lambda: report.render_json(result), lambda: report.render(result, screen)
        )
        return result.exit

    guarded(work)
