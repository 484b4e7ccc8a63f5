"""A fuzz report for people and for machines: progress, differences, coverage, totals; JSON."""

from __future__ import annotations

import json
import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table

from parity_tests.fuzz.report import FuzzFinding, FuzzReport
from parity_tests.report.exit_code import Exit
from parity_tests.report.terminal import pair_panel
from parity_tests.report.values import json_safe, show

_EVERY = 10.0
"""Seconds between two lines of progress."""


class FuzzProgress:
    """A line every ten seconds, and each difference as soon as it is shrunk."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._next = time.monotonic() + _EVERY

    def say(self, text: str) -> None:
        self.console.print(f"[dim]· {escape(text)}[/]", highlight=False)

    def exchange(self, report: FuzzReport) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        asked = sum(label in report.seen for label in report.operations)
        self.say(
            f"{report.exchanges} exchanges in {report.scenes} sequences, {report.rate:.0f}/s, "
            f"{asked} of {len(report.operations)} operations, {report.waived} waived, "
            f"{len(report.found)} differences"
        )

    def found(self, found: FuzzFinding) -> None:
        told = (
            f"{found.drawn} steps shrunk to {len(found.steps)}"
            if found.reproduced
            else "seen once, and not again"
        )
        self.console.print(
            f"[bold red]✗[/] {escape(str(found.key))} [dim]exchange {found.at}, {told} "
            f"({found.replays} replays, {found.seconds:.1f} s)[/]",
            highlight=False,
        )
        for finding in found.findings[:3]:
            place = finding.difference
            self.console.print(
                f"    {escape(place.place)}: {escape(show(place.legacy, 120))} against "
                f"{escape(show(place.ported, 120))} [dim]{escape(place.why)}[/]",
                highlight=False,
            )


def render(report: FuzzReport, console: Console) -> None:
    for found in report.found.values():
        console.print(pair_panel(found.findings))
        title = f"{found.journey}: {len(found.steps)} steps, met {found.times}×"
        console.print(Panel(Syntax(found.text, "yaml", word_wrap=True), title=escape(title)))
        if found.saved:
            console.print(f"saved: parity run --journey {found.journey}", highlight=False)
    console.print(table(report))
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    for kind in ("2xx", "4xx"):
        lacking = report.lacking(kind)
        if lacking:
            console.print(f"[yellow]no {kind} of:[/] {escape(', '.join(lacking))}", highlight=False)
    share = report.waiting / report.seconds if report.seconds else 0.0
    console.print(
        f"{report.exchanges} exchanges in {report.scenes} sequences, {report.seconds:.1f} s "
        f"({report.rate:.0f} exchanges/s), {share:.0%} of it in the stacks; "
        f"{report.shrinking:.1f} s shrinking; seed {report.seed}",
        highlight=False,
    )
    verdict = {
        Exit.SAME: "[bold green]same[/]",
        Exit.DIFFERENT: "[bold red]different[/]",
        Exit.COULD_NOT_RUN: "[bold red]could not tell[/]",
    }[report.exit]
    console.print(
        f"{verdict}: {len(report.found)} kinds of difference, {report.waived} exchanges waived",
        highlight=False,
    )


def table(report: FuzzReport) -> Table:
    view = Table(title=f"{report.name} on {report.database}", title_justify="left")
    for name in ("operation", "exchanges", "2xx", "3xx", "4xx", "5xx", "waived", "differences"):
        view.add_column(name, justify="left" if name == "operation" else "right", overflow="fold")
    others = [label for label in report.seen if label not in report.operations]
    for label in [*report.operations, *others]:
        seen = report.seen.get(label)
        if seen is None:
            view.add_row(f"[yellow]{escape(label)}[/]", "0", *[""] * 6)
            continue
        counts = [str(seen.classes[kind] or "") for kind in ("2xx", "3xx", "4xx", "5xx")]
        red = f"[bold red]{seen.differences}[/]" if seen.differences else ""
        view.add_row(escape(label), str(seen.exchanges), *counts, str(seen.waived or ""), red)
    return view


def document(report: FuzzReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "database": report.database,
        "seed": report.seed,
        "exit": int(report.exit),
        "exchanges": report.exchanges,
        "sequences": report.scenes,
        "waived": report.waived,
        "seconds": round(report.seconds, 3),
        "seconds_in_stacks": round(report.waiting, 3),
        "seconds_shrinking": round(report.shrinking, 3),
        "exchanges_per_second": round(report.rate, 1),
        "operations_total": len(report.operations),
        "operations_asked": sum(label in report.seen for label in report.operations),
        "without_2xx": report.lacking("2xx"),
        "without_4xx": report.lacking("4xx"),
        "operations": {
            label: {
                "exchanges": seen.exchanges,
                "classes": dict(sorted(seen.classes.items())),
                "waived": seen.waived,
                "differences": seen.differences,
            }
            for label, seen in sorted(report.seen.items())
        },
        "differences": [_found(found) for found in report.found.values()],
        "notes": report.notes,
    }


def _found(found: FuzzFinding) -> dict[str, Any]:
    return {
        "operation": found.key.operation,
        "statuses": list(found.key.statuses),
        "places": [
            {"place": d.place, "legacy": show(d.legacy), "ported": show(d.ported), "why": d.why}
            for d in (finding.difference for finding in found.findings)
        ],
        "times": found.times,
        "reproduced": found.reproduced,
        "steps_drawn": found.drawn,
        "steps": len(found.steps),
        "exchange": found.at,
        "replays": found.replays,
        "journey": found.journey,
        "yaml": found.text,
        "saved": found.saved is not None,
    }


def render_json(report: FuzzReport) -> str:
    return json_safe(json.dumps(document(report), indent=2, ensure_ascii=False)) + "\n"
