"""A report that was read from a file, in a terminal: totals and the kinds of difference."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from parity_tests.report.document import Document, unclear
from parity_tests.report.exit_code import Exit
from parity_tests.report.values import described, line
from parity_tests.report.verdict import verdict

_SHOWN = 60
_WORDS = 2000


def render(report: Document, console: Console) -> None:
    if report["kinds"]:
        console.print(kinds(report, report["kinds"]))
    for title, lines in (
        ("Could not be played", report["broken"]),
        ("Could not tell", [unclear(one) for one in report.get("unclear", ())]),
        ("Waivers", report["waiver_problems"]),
    ):
        for one in lines:
            console.print(f"[bold red]{title}:[/] {escape(line(one, _WORDS))}", highlight=False)
    for one in report["notes"]:
        console.print(f"[yellow]note:[/] {escape(line(one, _WORDS))}", highlight=False)
    console.print(
        f"{report['name']} on {report['database']}: {report['exchanges']} exchanges, "
        f"{report['operations_covered']} of {report['operations_total']} operations",
        highlight=False,
    )
    judged = verdict(report)
    colour = "green" if judged.exit is Exit.SAME else "red"
    console.print(
        f"[bold {colour}]{escape(judged.words)}[/], {report['waived']} waived", highlight=False
    )


def kinds(report: Document, keys: Collection[str]) -> Table:
    """A line per kind of difference: those that no waiver accepts come first."""
    details = {one["id"]: one for one in report["details"]}
    view = Table("id", "operation", "place", "legacy", "ported", "open", "waived", "since")
    ranked = [(key, report["kinds"][key]) for key in keys]
    ranked.sort(
        key=lambda item: (not item[1]["differences"], item[1]["operation"], item[1]["place"])
    )
    for key, kind in ranked[:_SHOWN]:
        one = details[kind["first"]]
        view.add_row(
            key,
            Text(line(kind["operation"])),
            Text(line(kind["place"]), "bold"),
            Text(described(one["legacy"], 80)),
            Text(described(one["ported"], 80)),
            f"[red]{kind['differences']}[/]" if kind["differences"] else "",
            str(kind["waived"] or ""),
            kind.get("since", ""),
        )
    if len(ranked) > _SHOWN:
        view.add_row("…", f"{len(ranked) - _SHOWN} more kinds", "", "", "", "", "", "")
    return view
