"""The matrix for a person, a row per operation and a column per role; and as JSON."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from parity_core.model import MISSING
from parity_tests.journeys.compose import curl
from parity_tests.matrix.model import Cell, CellVerdict, MatrixReport
from parity_tests.report.exit_code import Exit
from parity_tests.report.terminal import pair_panel
from parity_tests.report.values import json_safe

_SHOWN = 15
_STYLES = {
    CellVerdict.SAME: "",
    CellVerdict.WAIVED: "yellow",
    CellVerdict.DIFFERENT: "bold red",
    CellVerdict.LETS_IN: "bold white on red",
    CellVerdict.UNCLEAR: "bold magenta",
}


class MatrixProgress:
    """A bar on a terminal; elsewhere a line per setting, and one per cell that differs."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> MatrixProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def message(self, text: str) -> None:
        self.console.print(f"[dim]· {escape(text)}[/]", highlight=False)

    def cell(self, cell: Cell, done: int, total: int) -> None:
        self._bar.update(
            self._task, description=escape(cell.operation), completed=done, total=total
        )
        if cell.verdict in (CellVerdict.DIFFERENT, CellVerdict.LETS_IN):
            line = f"{escape(str(cell))}: {cell.verdict} {escape(cell.why)}"
            self.console.print(f"  [red]✗[/] {line}", highlight=False)


def render(report: MatrixReport, console: Console, verbose: bool = False) -> None:
    first = report.settings[0] if report.settings else ""
    for setting in report.settings:
        rows = _rows(report, setting)
        if setting != first and not verbose:
            usual = _rows(report, first)
            rows = {
                label: cells
                for label, cells in rows.items()
                if _statuses(cells) != _statuses(usual[label]) or _bad(cells)
            }
        console.print(_table(report, setting, rows, setting == first or verbose))
    console.print(
        "own object·another's, or one status where none is named; legacy→ported where they differ "
        "([yellow]waived[/], [bold red]different[/], [bold white on red]lets in[/])",
        highlight=False,
    )
    bad = report.of(CellVerdict.LETS_IN, CellVerdict.DIFFERENT)
    for cell in bad[:_SHOWN]:
        if cell.findings:
            console.print(pair_panel(cell.findings))
    if len(bad) > _SHOWN:
        console.print(f"… and {len(bad) - _SHOWN} more cells; --json FILE has all of them")
    if lets_in := report.of(CellVerdict.LETS_IN):
        console.print(
            "[bold red]The port lets in whom the legacy keeps out; no waiver covers that:[/]"
        )
        for cell in lets_in:
            console.print(f"  {escape(str(cell))}: {escape(cell.why)}", highlight=False)
    for cell in report.of(CellVerdict.UNCLEAR):
        console.print(
            f"[bold red]could not tell:[/] {escape(str(cell))}: {escape(cell.why)}", highlight=False
        )
    for problem in report.waiver_problems:
        console.print(f"[bold red]waiver[/] {escape(problem)}", highlight=False)
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    _totals(report, console)


def _totals(report: MatrixReport, console: Console) -> None:
    rate = len(report.cells) / (report.asking_seconds or 1)
    console.print(
        f"{len(report.cells)} cells: {len(report.operations)} of {report.operations_total} operations, "
        f"{len(report.columns)} roles, {len(report.settings)} settings, on {report.database}, "
        f"{report.seconds:.1f} s ({rate:.0f} cells/s)",
        highlight=False,
    )
    count = {verdict: len(report.of(verdict)) for verdict in CellVerdict}
    word = {
        Exit.SAME: "[bold green]same[/]",
        Exit.DIFFERENT: "[bold red]different[/]",
        Exit.COULD_NOT_RUN: "[bold red]could not tell[/]",
    }[report.exit]
    console.print(
        f"{word}: {count[CellVerdict.LETS_IN]} lets in, {count[CellVerdict.DIFFERENT]} different, "
        f"{count[CellVerdict.WAIVED]} waived",
        highlight=False,
    )


Row = dict[str, list[Cell]]


def _rows(report: MatrixReport, setting: str) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for cell in report.cells:
        if cell.setting == setting:
            rows.setdefault(cell.operation, {}).setdefault(cell.column, []).append(cell)
    return rows


def _statuses(row: Row) -> list[tuple[str, str, int | None, int | None]]:
    return [(c.column, c.whose, c.legacy, c.ported) for cells in row.values() for c in cells]


def _bad(row: Row) -> bool:
    bad = (CellVerdict.DIFFERENT, CellVerdict.LETS_IN)
    return any(cell.verdict in bad for cells in row.values() for cell in cells)


def _table(report: MatrixReport, setting: str, rows: dict[str, Row], whole: bool) -> Table:
    title = escape(setting) if whole else f"{escape(setting)}: what this changes"
    view = Table(title=title, title_justify="left")
    view.add_column("operation", overflow="fold")
    for column in report.columns:
        view.add_column(column, no_wrap=True)
    for label, row in rows.items():
        view.add_row(
            escape(label),
            *("·".join(_shown(cell) for cell in row.get(name, ())) for name in report.columns),
        )
    return view


def _shown(cell: Cell) -> str:
    text = str(cell.legacy or "none")
    if cell.legacy != cell.ported:
        text += f"→{cell.ported or 'none'}"
    elif cell.verdict in (CellVerdict.DIFFERENT, CellVerdict.LETS_IN):
        text += "≠"
    style = _STYLES[cell.verdict]
    return f"[{style}]{text}[/]" if style else text


def document(report: MatrixReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "database": report.database,
        "exit": int(report.exit),
        "cells": len(report.cells),
        "operations": len(report.operations),
        "operations_total": report.operations_total,
        "columns": list(report.columns),
        "settings": list(report.settings),
        "counts": {verdict.value: len(report.of(verdict)) for verdict in CellVerdict},
        "waiver_problems": report.waiver_problems,
        "notes": report.notes,
        "seconds": round(report.seconds, 3),
        "matrix": [_cell(cell) for cell in report.cells],
    }


def render_json(report: MatrixReport) -> str:
    return json_safe(json.dumps(document(report), indent=1, ensure_ascii=False, default=str)) + "\n"


def _cell(cell: Cell) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operation": cell.operation,
        "setting": cell.setting,
        "role": cell.column,
        "whose": cell.whose.value or None,
        "legacy": cell.legacy,
        "ported": cell.ported,
        "verdict": cell.verdict.value,
    }
    if cell.why:
        entry["why"] = cell.why
    if cell.findings:
        pair = cell.findings[0].pair
        entry["curl"] = curl(pair.legacy.request, pair.legacy.origin)
        entry["differences"] = [
            {
                "place": finding.difference.place,
                "legacy": _value(finding.difference.legacy),
                "ported": _value(finding.difference.ported),
                "waiver": str(finding.waiver) if finding.waiver else None,
            }
            for finding in cell.findings
        ]
    return entry


def _value(value: Any) -> Any:
    if value is MISSING:
        return {"missing": True}
    return value if not isinstance(value, bytes) else value[:2000].decode(errors="replace")
