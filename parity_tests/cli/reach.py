"""`parity reach`: which lines and branches of the port do the requests reach, and which does none?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from parity_core import private
from parity_tests import config as configuration
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.mutants.plant import package_folder
from parity_tests.reach import record as recording
from parity_tests.reach.unreached import gaps, totals
from parity_tests.report.exit_code import Exit
from parity_tests.report.terminal import TerminalProgress

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
CACHE = Path(".parity")
"""Where recordings are kept, in the working directory."""


def cache_file(chosen: Path | None, database: str) -> Path:
    kind = database.partition("=")[0].partition(":")[0]
    return chosen or CACHE / f"reach-{kind}.json"


@click.command("reach")
@configured
@click.option(
    "--database", default="sqlite", show_default=True, metavar="KIND", help="As for `run`."
)
@click.option(
    "--journey", "-j", "globs", multiple=True, metavar="GLOB",
    help="Record only these journeys; the recording is not kept then.",
)  # fmt: skip
@click.option(
    "--file", "files", multiple=True, metavar="GLOB",
    help="List only what lies in these files (shop/services/*); may be repeated.",
)  # fmt: skip
@click.option(
    "--reach", "reach_file", type=_FILE,
    help="The recording; made when it is missing or the port has changed.  [default: .parity/reach-KIND.json]",
)  # fmt: skip
@click.option("--json", "json_file", type=_FILE, help="Write the list as JSON.")
def command(
    config_path: Path,
    overrides: dict[str, str],
    database: str,
    globs: tuple[str, ...],
    files: tuple[str, ...],
    reach_file: Path | None,
    json_file: Path | None,
) -> None:
    """List the lines and branches of the port that no journey reaches.

    The journeys are played once while coverage.py records what each exchange executes; the recording
    is a file, which `parity mutants --generated` uses to ask only what reaches a mutant.

    \b
    parity reach                                             everything
    parity reach --file '*/services/*' --file '*/views/*'    what lies in these files

    \b
    Exit codes: 0 the list was made (however long it is), 2 could not run.
    """  # fmt: skip

    def work() -> Exit:
        screen = console()
        config = configuration.load(config_path, overrides)
        source = package_folder(config)
        file = cache_file(reach_file, database)
        with TerminalProgress(screen) as progress:
            if globs:
                reach = recording.record(config, source, database, progress, globs)
            else:
                reach = recording.completed(config, source, database, file, progress)
        sources = {name: (source.parent / name).read_text(encoding="utf-8") for name in reach.files}
        unreached = gaps(reach, sources, files)
        view = Table("where", "function", "never executed")
        for gap in unreached:
            view.add_row(escape(gap.where), escape(gap.function), escape(gap.text[:90]))
        screen.print(view)
        lines, of_lines, branches, of_branches = totals(reach, files)
        screen.print(
            f"{len(reach.asked)} exchanges ({', '.join(reach.parts)}) reached {lines} of {of_lines} "
            f"statements and {branches} of {of_branches} branches; {len(unreached)} gaps",
            highlight=False,
        )
        if json_file:
            document = {
                "exchanges": len(reach.asked),
                "statements": {"reached": lines, "total": of_lines},
                "branches": {"reached": branches, "total": of_branches},
                "gaps": [asdict(gap) for gap in unreached],
            }
            private.write_text(json_file, json.dumps(document, indent=2) + "\n")
        return Exit.SAME

    guarded(work)
