"""What was measured: a table, and JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from parity_tests.performance.budget import PerformancePlan, PerformanceVerdict
from parity_tests.performance.measure import Measured, Performance
from parity_tests.report.values import json_safe

FORMAT = "parity-performance/1"
_COLOUR = {PerformanceVerdict.WITHIN: "green", PerformanceVerdict.INCONCLUSIVE: "yellow"}


def _sorted(performance: Performance) -> list[Measured]:
    """What fails first, then by how much slower the port is."""
    return sorted(
        performance.operations.values(),
        key=lambda one: (
            not one.verdict.fails,
            -(one.interval.ratio if one.interval else 0.0),
            one.label,
        ),
    )


def table(performance: Performance) -> Table:
    view = Table(title=f"{performance.name} on {performance.database}", title_justify="left")
    view.add_column("operation", overflow="fold")
    for name in ("pairs", "legacy ms", "ported ms", "ratio (95 %)", "statements"):
        view.add_column(name, justify="right", no_wrap=True)
    view.add_column("verdict")
    for one in _sorted(performance):
        legacy, ported = one.typical(0), one.typical(1)
        colour = _COLOUR.get(one.verdict, "bold red")
        view.add_row(
            Text(one.label),
            str(len(one.times)),
            f"{one.milliseconds(0):.2f}",
            f"{one.milliseconds(1):.2f}",
            str(one.interval or ""),
            f"{legacy:g} → {ported:g}" if legacy is not None and ported is not None else "",
            f"[{colour}]{one.verdict.value}[/]{': ' if one.why else ''}{escape(one.why)}",
        )
    return view


def render(performance: Performance, console: Console) -> None:
    console.print(table(performance))
    for one in _sorted(performance):
        if one.verdict is PerformanceVerdict.STATEMENTS:
            console.print(f"[bold]{escape(one.label)}[/]: statements of one request to the port")
            for statement, times in Counter(one.example[1]).most_common(12):
                console.print(f"  {times}× {escape(statement[:140])}", highlight=False)
    for note in performance.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    verdicts = Counter(one.verdict for one in performance.operations.values())
    counts = ", ".join(f"{count} {verdict.value}" for verdict, count in sorted(verdicts.items()))
    console.print(
        f"{len(performance.operations)} operations, {performance.rounds} rounds, {performance.seconds:.1f} s "
        f"(seed {performance.seed}): {counts}",
        highlight=False,
    )


def document(performance: Performance, plan: PerformancePlan) -> dict[str, Any]:
    """Milliseconds and statements are medians; `ratio` is ported / legacy with its 95 % interval."""
    return {
        "format": FORMAT,
        "name": performance.name,
        "database": performance.database,
        "rounds": performance.rounds,
        "seed": performance.seed,
        "seconds": round(performance.seconds, 1),
        "exit": int(performance.exit),
        "notes": performance.notes,
        "operations": {one.label: _operation(one, plan) for one in _sorted(performance)},
    }


def _operation(one: Measured, plan: PerformancePlan) -> dict[str, Any]:
    budget = plan.budget(one.label)
    interval = one.interval
    return {
        "pairs": len(one.times),
        "milliseconds": {
            s: round(one.milliseconds(n), 3) for n, s in enumerate(("legacy", "ported"))
        },
        "ratio": interval
        and {
            "median": round(interval.ratio, 3),
            "low": round(interval.low, 3),
            "high": round(interval.high, 3),
        },
        "statements": {s: one.typical(n) for n, s in enumerate(("legacy", "ported"))},
        "example": {s: one.example[n] for n, s in enumerate(("legacy", "ported"))},
        "budget": {
            "ratio": budget.ratio,
            "statements": budget.statements,
            "extra_statements": budget.extra_statements,
        },
        "verdict": one.verdict.value,
        "why": one.why,
    }


def text(performance: Performance, plan: PerformancePlan) -> str:
    return json_safe(json.dumps(document(performance, plan), indent=2, ensure_ascii=False)) + "\n"
