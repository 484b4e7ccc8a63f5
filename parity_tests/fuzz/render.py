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

from parity_tests.fuzz.branches import UnreachedReport
from parity_tests.fuzz.report import FuzzFinding, FuzzReport
from parity_tests.reach.unreached import Gap
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

    def message(self, text: str) -> None:
        self.console.print(f"[dim]· {escape(text)}[/]", highlight=False)

    def exchange(self, report: FuzzReport) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        asked = sum(label in report.by_operation for label in report.operations)
        self.message(
            f"{report.exchanges} exchanges in {report.scenes} sequences, {report.rate:.0f}/s, "
            f"{asked} of {len(report.operations)} operations, {report.waived} waived, "
            f"{len(report.findings)} differences"
        )

    def finding(self, fuzz_finding: FuzzFinding) -> None:
        shrunk = (
            f"{fuzz_finding.drawn} steps shrunk to {len(fuzz_finding.steps)}"
            if fuzz_finding.reproduced
            else "seen once, and not again"
        )
        self.console.print(
            f"[bold red]✗[/] {escape(str(fuzz_finding.key))} [dim]exchange {fuzz_finding.at}, {shrunk} "
            f"({fuzz_finding.replays} replays, {fuzz_finding.seconds:.1f} s)[/]",
            highlight=False,
        )
        for finding in fuzz_finding.findings[:3]:
            place = finding.difference
            self.console.print(
                f"    {escape(place.place)}: {escape(show(place.legacy, 120))} against "
                f"{escape(show(place.ported, 120))} [dim]{escape(place.why)}[/]",
                highlight=False,
            )


def render(report: FuzzReport, console: Console) -> None:
    for fuzz_finding in report.findings.values():
        console.print(pair_panel(fuzz_finding.findings))
        title = (
            f"{fuzz_finding.journey}: {len(fuzz_finding.steps)} steps, met {fuzz_finding.times}×"
        )
        console.print(Panel(Syntax(fuzz_finding.text, "yaml", word_wrap=True), title=escape(title)))
        if fuzz_finding.saved:
            console.print(f"saved: parity run --journey {fuzz_finding.journey}", highlight=False)
    console.print(table(report))
    for unclear in report.unclear:
        console.print(f"[bold red]could not tell:[/] {escape(unclear)}", highlight=False)
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    for kind in ("2xx", "4xx"):
        lacking = report.lacking(kind)
        if lacking:
            console.print(f"[yellow]no {kind} of:[/] {escape(', '.join(lacking))}", highlight=False)
    if report.reached is not None:
        console.print(gaps_table(report.reached))
        console.print(report.reached.words, highlight=False)
    share = report.waiting / report.seconds if report.seconds else 0.0
    console.print(
        f"{report.exchanges} exchanges in {report.scenes} sequences, {report.at_once} groups at once, "
        f"{report.seconds:.1f} s "
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
        f"{verdict}: {len(report.findings)} kinds of difference, {report.waived} exchanges waived",
        highlight=False,
    )


def gaps_table(reached: UnreachedReport) -> Table:
    """By function: the lines and ways of each that no request reached."""
    view = Table(title="reached by no request", title_justify="left")
    for name in ("function", "where", "first of it"):
        view.add_column(name, overflow="fold")
    functions: dict[tuple[str, str], list[Gap]] = {}
    for gap in reached.gaps:
        functions.setdefault((gap.file, gap.function), []).append(gap)
    for (file, function), some in functions.items():
        places = ", ".join(gap.where.removeprefix(f"{file}:") for gap in some)
        view.add_row(escape(function), escape(f"{file}:{places}"), escape(some[0].text[:60]))
    return view


def table(report: FuzzReport) -> Table:
    view = Table(title=f"{report.name} on {report.database}", title_justify="left")
    for name in ("operation", "exchanges", "2xx", "3xx", "4xx", "5xx", "waived", "differences"):
        view.add_column(name, justify="left" if name == "operation" else "right", overflow="fold")
    others = [label for label in report.by_operation if label not in report.operations]
    for label in [*report.operations, *others]:
        asked = report.by_operation.get(label)
        if asked is None:
            view.add_row(f"[yellow]{escape(label)}[/]", "0", *[""] * 6)
            continue
        counts = [str(asked.classes[kind] or "") for kind in ("2xx", "3xx", "4xx", "5xx")]
        red = f"[bold red]{asked.differences}[/]" if asked.differences else ""
        view.add_row(escape(label), str(asked.exchanges), *counts, str(asked.waived or ""), red)
    return view


def document(report: FuzzReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "database": report.database,
        "seed": report.seed,
        "guided": report.guided,
        "exit": int(report.exit),
        "exchanges": report.exchanges,
        "sequences": report.scenes,
        "waived": report.waived,
        "seconds": round(report.seconds, 3),
        "seconds_in_stacks": round(report.waiting, 3),
        "seconds_shrinking": round(report.shrinking, 3),
        "exchanges_per_second": round(report.rate, 1),
        "at_once": report.at_once,
        "operations_total": len(report.operations),
        "operations_asked": sum(label in report.by_operation for label in report.operations),
        "without_2xx": report.lacking("2xx"),
        "without_4xx": report.lacking("4xx"),
        "operations": {
            label: {
                "exchanges": asked.exchanges,
                "classes": dict(sorted(asked.classes.items())),
                "waived": asked.waived,
                "differences": asked.differences,
            }
            for label, asked in sorted(report.by_operation.items())
        },
        "differences": [_finding(fuzz_finding) for fuzz_finding in report.findings.values()],
        "unclear": report.unclear,
        "notes": report.notes,
        **({"reached": _reached(report.reached)} if report.reached else {}),
    }


def _reached(reached: UnreachedReport) -> dict[str, Any]:
    return {
        "statements": {"reached": reached.statements, "total": reached.of_statements},
        "branches": {"reached": reached.branches, "total": reached.of_branches},
        "gaps": [
            {"where": gap.where, "function": gap.function, "text": gap.text} for gap in reached.gaps
        ],
    }


def _finding(fuzz_finding: FuzzFinding) -> dict[str, Any]:
    return {
        "operation": fuzz_finding.key.operation,
        "clients": fuzz_finding.key.clients,
        "statuses": list(fuzz_finding.key.statuses),
        "places": [
            {"place": d.place, "legacy": show(d.legacy), "ported": show(d.ported), "why": d.why}
            for d in (finding.difference for finding in fuzz_finding.findings)
        ],
        "times": fuzz_finding.times,
        "reproduced": fuzz_finding.reproduced,
        "steps_drawn": fuzz_finding.drawn,
        "steps": len(fuzz_finding.steps),
        "exchange": fuzz_finding.at,
        "replays": fuzz_finding.replays,
        "journey": fuzz_finding.journey,
        "yaml": fuzz_finding.text,
        "saved": fuzz_finding.saved is not None,
    }


def render_json(report: FuzzReport) -> str:
    return json_safe(json.dumps(document(report), indent=2, ensure_ascii=False)) + "\n"
