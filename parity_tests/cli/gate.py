"""`parity gate`: red only on what is new."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from parity_tests.cli.frame import console, guarded
from parity_tests.report import document as json_report
from parity_tests.report import gate, markdown, summary
from parity_tests.report.document import Document
from parity_tests.report.exit_code import Exit
from parity_tests.report.gate import GateJudgement
from parity_tests.report.save import save_and_show

_FILE = click.Path(dir_okay=False, path_type=Path)
_SHOWN = 20


@click.command("gate")
@click.argument("report_file", metavar="REPORT", type=_FILE)
@click.option(
    "--baseline", "baseline_file", type=_FILE, required=True, help="What is known already."
)
@click.option("--update", is_flag=True, help="Write the baseline from REPORT; judge nothing.")
@click.option(
    "--allow-unclear",
    is_flag=True,
    help="Requests of which nothing can be said are listed, not red.",
)
@click.option("--markdown", "markdown_file", type=_FILE, help="Write a summary that marks the new.")
def command(
    report_file: Path,
    baseline_file: Path,
    update: bool,
    allow_unclear: bool,
    markdown_file: Path | None,
) -> None:
    """Judge REPORT, which --json wrote, by what the baseline does not know.

    \b
    parity run --json report.json
    parity gate report.json --baseline parity-baseline.json --update    once, and commit the file
    parity gate report.json --baseline parity-baseline.json             in every build

    New are: a kind of difference (operation, statuses, place without ids and positions, types of the
    values), an operation that was asked and is not any more, a problem with a waiver, a journey that
    can't be played, a request of which nothing can be said. A report of a part of the journeys is judged by its differences alone.

    \b
    Exit codes: 0 nothing new, 1 something new, 2 could not run.
    """

    def work() -> Exit:
        report = json_report.load(report_file)
        if update:
            baseline = gate.of_report(report)
            gate.save(baseline, baseline_file)
            click.echo(
                f"wrote {baseline_file}: {len(baseline.differences)} kinds of difference, "
                f"{len(baseline.covered)} operations asked"
            )
            return Exit.SAME
        judgement = gate.judge(report, gate.load(baseline_file), allow_unclear)
        save_and_show(
            markdown_file,
            lambda: markdown.render(report, judgement.new),
            lambda: _show(report, judgement, console(), baseline_file),
        )
        return judgement.exit

    guarded(work)


def _show(report: Document, judgement: GateJudgement, out: Console, baseline: Path) -> None:
    if judgement.new:
        out.print(f"[bold red]{len(judgement.new)} new kinds of difference[/]")
        out.print(summary.kinds(report, judgement.new))
    for title, lines in (
        ("not asked any more", judgement.uncovered),
        ("new waiver problem", judgement.waiver_problems),
        ("could not be played", judgement.broken),
        ("could not tell", judgement.unclear),
    ):
        for line in lines[:_SHOWN]:
            out.print(f"[bold red]{title}:[/] {escape(line)}", highlight=False)
        if len(lines) > _SHOWN:
            out.print(f"  … {len(lines) - _SHOWN} more")
    if judgement.gone:
        out.print(
            f"[green]{len(judgement.gone)} known kinds are gone[/]: `parity gate REPORT --baseline "
            f"{escape(str(baseline))} --update` forgets them",
            highlight=False,
        )
    verdict = "[bold green]nothing new[/]" if judgement.exit is Exit.SAME else "[bold red]new[/]"
    out.print(
        f"{verdict}: {len(judgement.new)} new, {len(judgement.known)} known kinds of difference",
        highlight=False,
    )
