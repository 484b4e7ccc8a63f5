"""`parity triangle`: legacy Swagger, ported OpenAPI and observed behaviour against each other."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parity_core.model import ParityError, Side
from parity_tests import config as configuration
from parity_tests.cli.frame import configured, console, guarded
from parity_tests.report import document as json_report
from parity_tests.report import terminal
from parity_tests.report.exit_code import Exit
from parity_tests.report.save import save_and_show
from parity_tests.report.values import json_safe
from parity_tests.run.use_case import RunOptions, run
from parity_tests.stage.workplace import load_census
from parity_tests.triangle import sources
from parity_tests.triangle.compare import Corner, FailOn, Item, MismatchKind, compare
from parity_tests.triangle.shape import of_document, of_observation

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("triangle")
@click.argument("report_file", metavar="[REPORT]", required=False, type=_FILE)
@configured
@click.option(
    "--journey", "-j", "globs", multiple=True, metavar="GLOB", help="Without REPORT: which to play."
)
@click.option("--legacy-document", metavar="FILE|URL", help="Instead of asking the legacy.")
@click.option("--ported-document", metavar="FILE|URL", help="Instead of asking the port.")
@click.option("--operation", "-o", "only", metavar="TEXT", help="Only operations that contain it.")
@click.option("--all", "everything", is_flag=True, help="List what does not fail, too.")
@click.option("--json", "json_file", type=_FILE, help="Write everything as JSON.")
@click.option(
    "--fail-on", type=click.Choice([one.value for one in FailOn]), default=FailOn.UNTOLD.value,
    show_default=True,
    help="untold: the port answers it, and the port's document does not know it; lost: also what only the "
    "legacy's document knows; any; never.",
)  # fmt: skip
def command(
    report_file: Path | None,
    config_path: Path,
    overrides: dict[str, str],
    globs: tuple[str, ...],
    legacy_document: str | None,
    ported_document: str | None,
    only: str | None,
    everything: bool,
    json_file: Path | None,
    fail_on: str,
) -> None:
    """List what the legacy's Swagger, the port's OpenAPI and observed behaviour do not all know.

    Compared are operations, statuses, query parameters, and fields of requests, replies and
    refusals, three levels deep. What was observed comes from REPORT, which --json wrote; without it
    the journeys are played first.

    \b
    parity run --json report.json && parity triangle report.json
    parity triangle report.json --all -o /case/

    \b
    Exit codes: 0 nothing of --fail-on, 1 something, 2 could not run.
    """

    def work() -> Exit:
        config = configuration.load(config_path, overrides)
        screen = console()
        with terminal.TerminalProgress(screen) as progress:
            if report_file:
                report = json_report.load(report_file)
            else:
                report = json_report.document(run(config, RunOptions(journeys=globs), progress))
            places = {Side.LEGACY: legacy_document, Side.PORTED: ported_document}
            documents = sources.load(config, places, progress)
            operations = load_census(config, progress).operations
        observed = {
            label: of_observation(entry["observed"])
            for label, entry in report["operations"].items()
            if entry["class"] == "operation" and "observed" in entry
        }
        if not observed:
            raise ParityError("the report holds no observations: write it again with --json")
        items = compare(
            {
                Corner.LEGACY: of_document(documents[Side.LEGACY], operations),
                Corner.PORTED: of_document(documents[Side.PORTED], operations),
                Corner.OBSERVED: observed,
            },
            operations if report["complete"] else observed,
        )
        items = [item for item in items if only is None or only in item.operation]
        excused = sources.accepted(config)
        failing = [
            item
            for item in items
            if item.fails(FailOn(fail_on)) and not any(one.covers(item) for one in excused)
        ]
        save_and_show(
            json_file,
            lambda: _json(items, failing),
            lambda: _show(items, items if everything else failing, failing, screen),
        )
        return Exit.DIFFERENT if failing else Exit.SAME

    guarded(work)


def _show(items: list[Item], listed: list[Item], failing: list[Item], screen: Console) -> None:
    if listed:
        view = Table("operation", "what", "name", "knows it", "does not")
        for item in sorted(listed):
            colour = "red" if item in failing else ""
            cells = (", ".join(corners) for corners in (item.knows, item.lacks))
            view.add_row(Text(item.operation), item.kind, Text(item.name, colour), *cells)
        screen.print(view)
    counts = Counter((item.kind, item.lacks) for item in items)
    totals = Table("not known to", *(kind.value for kind in MismatchKind))
    for lacks in sorted({lacks for _, lacks in counts}):
        row = [str(counts[kind, lacks] or "") for kind in MismatchKind]
        totals.add_row(", ".join(lacks), *row)
    if items:
        screen.print(totals)
    screen.print(
        f"{len(items)} things that not all three know, {len(failing)} that fail", highlight=False
    )


def _json(items: list[Item], failing: list[Item]) -> str:
    document = {
        "format": "parity-triangle/1",
        "items": [
            {
                "operation": item.operation,
                "kind": item.kind,
                "name": item.name,
                "knows": list(item.knows),
                "lacks": list(item.lacks),
                "fails": item in failing,
            }
            for item in sorted(items)
        ],
    }
    return json_safe(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"
