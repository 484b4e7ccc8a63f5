"""`parity waivers`: what each waiver accepted in the last run."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parity_tests.cli.frame import console, guarded
from parity_tests.report import document as json_report
from parity_tests.report.exit_code import Exit
from parity_tests.report.values import printable
from parity_tests.report.waiver_use import WaiverUse, uses


@click.command("waivers")
@click.argument(
    "report_file", metavar="[REPORT]", default="report.json",
    type=click.Path(dir_okay=False, path_type=Path),
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON instead.")
def command(report_file: Path, as_json: bool) -> None:
    """Show what each waiver accepted in REPORT, which `parity run --json` wrote (report.json).

    A kind is both statuses with the places that were accepted together in one pair. A waiver that
    accepted two kinds is warned of: it may have swallowed what it was not written for. The exit code
    is 0 however many warnings there are.

    \b
    parity run --json report.json
    parity waivers
    """

    def work() -> Exit:
        report = json_report.load(report_file)
        used = uses(report)
        if as_json:
            documents = [one.document() for one in used]
            click.echo(json.dumps(documents, indent=2, ensure_ascii=False))
        else:
            _show(used, report["database"], console())
        return Exit.SAME

    guarded(work)


def _show(waiver_uses: list[WaiverUse], database: str, out: Console) -> None:
    view = Table(title=f"Waivers, on {database}", title_justify="left", show_lines=True)
    view.add_column("waiver", overflow="fold", ratio=3)
    view.add_column("pairs", justify="right")
    view.add_column("what it accepted", overflow="fold", ratio=4)
    for one in waiver_uses:
        waiver = one.waiver
        name = f"[dim]{escape(waiver.get('where', ''))}[/]\n{escape(waiver.get('operation', ''))}"
        lines = [f"{count}× {kind}" for kind, count in sorted(one.kinds.items())]
        words = one.ported.most_common(4)
        lines += [f"  {count}× {printable(text)[:120]}" for text, count in words]
        if len(one.ported) > len(words):
            lines.append(f"  … {len(one.ported) - len(words)} more texts")
        if len(one.operations) > 1:
            lines.append(f"  of {len(one.operations)} operations")
        text = escape("\n".join(lines)) if lines else f"[dim]{_unused(one, database)}[/]"
        if one.warning:
            text = f"[bold yellow]{escape(one.warning)}[/]\n{text}"
        view.add_row(name, str(one.kinds.total() or ""), text)
    out.print(view)
    used = sum(1 for one in waiver_uses if one.differences)
    warned = sum(1 for one in waiver_uses if one.warning)
    out.print(
        f"{len(waiver_uses)} waivers, {used} used, {sum(one.differences for one in waiver_uses)} differences "
        f"accepted, {warned} warnings",
        highlight=False,
    )


def _unused(one: WaiverUse, database: str) -> str:
    only = one.waiver.get("database")
    return f"only on {only}" if only not in (None, database) else "nothing"
