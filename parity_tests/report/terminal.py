"""A report for a person: progress while it runs, then differences, a table per operation, totals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from parity_core.model import Exchange, Finding, Pair, Place
from parity_tests.journeys.model import Journey
from parity_tests.report import kinds, masking
from parity_tests.report.curl import curl
from parity_tests.report.exit_code import Exit
from parity_tests.report.keys import key
from parity_tests.report.results import OperationReport, Report
from parity_tests.report.values import line, printable, show

_SHOWN = 25
"""Pairs that are drawn in full, one for each kind; the JSON report has them all."""
_LINES = 24
_COMMAND = 3000
_WORDS = 2000
"""Characters of a note, or of why a journey broke."""


class TerminalProgress:
    """A bar on a terminal, a line per journey anywhere."""

    def __init__(self, console: Console, verbose: bool = False) -> None:
        self.console = console
        self.verbose = verbose
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)
        self._pairs = self._open = self._waived = 0

    def __enter__(self) -> TerminalProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def message(self, text: str) -> None:
        self._bar.update(self._task, description=escape(text))
        self.console.print(f"[dim]· {escape(text)}[/]", highlight=False)

    def journey(self, journey: Journey, number: int, total: int) -> None:
        self._pairs = self._open = self._waived = 0
        self._bar.update(
            self._task, description=escape(journey.name), completed=number - 1, total=total
        )

    def pair(self, pair: Pair, findings: Sequence[Finding]) -> None:
        self._pairs += 1
        waived = sum(finding.waiver is not None for finding in findings)
        self._waived += waived
        self._open += len(findings) - waived
        if self.verbose:
            status = pair.legacy.reply.status
            mark = "[red]✗[/]" if len(findings) > waived else "[green]✓[/]"
            request = f"{pair.legacy.request.method} {pair.legacy.request.target}"
            self.console.print(
                f"    {mark} {status} {escape(line(request, 100))} [dim]{escape(line(pair.user))} "
                f"{escape(line(pair.note))}[/]",
                highlight=False,
            )

    def journey_done(self, journey: Journey, seconds: float) -> None:
        mark = "[red]✗[/]" if self._open else "[green]✓[/]"
        counts = f"{self._pairs} exchanges, {self._open} differences"
        if self._waived:
            counts += f", {self._waived} waived"
        self.console.print(
            f"  {mark} {escape(journey.name):<32} {counts} [dim]{seconds:.1f} s[/]", highlight=False
        )


def render(report: Report, console: Console, verbose: bool = False) -> None:
    """Where something differs, that comes first, and of the operations only those that do."""
    _differences(report, console)
    console.print(table(report, verbose))
    for title, lines in (
        ("Could not tell", [_unclear(pair) for pair in report.unclear]),
        ("Journeys that broke", report.broken),
        ("Waivers", report.waiver_problems),
    ):
        if lines:
            console.print(f"[bold red]{title}[/]")
            for one in lines:
                console.print(f"  {escape(printable(one[:_WORDS]))}", highlight=False)
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(printable(note[:_WORDS]))}", highlight=False)
    if report.retried:
        console.print(
            f"[yellow]played again[/] because of a busy machine: {len(report.retried)}, such as "
            f"{escape(line(report.retried[0]))}",
            highlight=False,
        )
    totals(report, console)


def _unclear(pair: Pair) -> str:
    return f"{pair.operation.label} in {pair.journey}, step {pair.step}: {pair.unclear}"


def _differences(report: Report, console: Console) -> None:
    differing = kinds.kinds(report.differences)
    kinds.render(differing, report.since, console)
    shown = kinds.examples(differing)
    for findings in shown[:_SHOWN]:
        console.print(pair_panel(findings))
    left = len({id(one.pair) for one in report.differences}) - min(len(shown), _SHOWN)
    if left > 0:
        console.print(f"… and {left} more pairs that differ; --json FILE has all of them")


def pair_panel(findings: Sequence[Finding]) -> Panel:
    """One pair: the request, what differs and where, both replies side by side."""
    pair = findings[0].pair
    places = Table(box=None, pad_edge=False, expand=True)
    places.add_column("id", style="dim", width=8)
    for name in ("place", "legacy", "ported", ""):
        places.add_column(name, overflow="fold", style="bold" if name == "place" else "")
    for finding in findings[:12]:
        d = finding.difference
        places.add_row(
            key(finding),
            Text(line(d.place)),
            Text(show(masking.value(d.legacy, d.place))),
            Text(show(masking.value(d.ported, d.place))),
            Text(line(d.why), "yellow"),
        )
    if len(findings) > 12:
        places.add_row("", f"… {len(findings) - 12} more", "", "", "")
    replies = Table(expand=True, show_lines=False)
    for exchange in (pair.legacy, pair.ported):
        replies.add_column(exchange.side.value, ratio=1, overflow="fold")
    replies.add_row(*(_reply(exchange) for exchange in (pair.legacy, pair.ported)))
    command = curl(pair.legacy.request, pair.legacy.origin)
    if len(command) > _COMMAND:
        command = f"{command[:_COMMAND]} …"
    parts: list[Any] = [Text(printable(command), "cyan")]
    if pair.note:
        parts.append(Text(f"note: {line(pair.note)}", "dim"))
    return Panel(
        Group(*parts, places, replies),
        title=escape(line(f"{pair.operation.label} as {pair.user}")),
        subtitle=escape(line(f"{pair.journey}, step {pair.step}, {pair.where}")),
        title_align="left",
        subtitle_align="left",
        border_style="red",
    )


def _reply(exchange: Exchange) -> Text:
    reply = exchange.reply
    lines = [str(reply.status) if reply.status is not None else reply.error]
    headers = masking.masked(reply.headers)
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in _DULL]
    body = masking.body(reply.body)
    if body is None:
        body = masking.text(reply.body.decode(errors="replace"))
    with suppress(ValueError, RecursionError):
        body = json.dumps(json.loads(body), indent=1, ensure_ascii=False)
    lines += ["", *body.splitlines()]
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"… {len(lines) - _LINES} more lines"]
    for row in exchange.rows[:8]:
        columns = {name: masking.value(value, name) for name, value in row.columns.items()}
        lines.append(f"{row.change} {row.table} {','.join(map(str, row.key))}: {show(columns)}")
    return Text(printable("\n".join(one[:400] for one in lines)))


_DULL = {"date", "server", "connection"}


def table(report: Report, verbose: bool = False) -> Table:
    view = Table(title=f"{report.name} on {report.database}", title_justify="left")
    view.add_column("operation", overflow="fold")
    view.add_column("exchanges", justify="right")
    view.add_column("statuses of the legacy")
    view.add_column("differences", justify="right")
    view.add_column("waived", justify="right")
    order = {Place.OPERATION: 0, Place.IMPLICIT: 1, Place.NOT_ALLOWED: 2, Place.REDIRECT: 3}
    folded: dict[str, list[OperationReport]] = {}
    for entry in sorted(
        report.operations.values(),
        key=lambda e: (order.get(e.place, 4), e.label.split()[1], e.label),
    ):
        if not verbose and not entry.differences:
            is_operation = entry.place is Place.OPERATION
            if report.differences or not is_operation:
                kind = "" if is_operation else f" ({entry.place.value})"
                folded.setdefault(f"others{kind}", []).append(entry)
                continue
        kind = "" if entry.place is Place.OPERATION else f" [dim]({entry.place.value})[/]"
        view.add_row(
            f"{escape(line(entry.label))}{kind}",
            str(entry.exchanges),
            " ".join(f"{status}×{count}" for status, count in sorted(entry.statuses.items())),
            f"[bold red]{entry.differences}[/]" if entry.differences else "0",
            str(entry.waived or ""),
        )
    for words, entries in folded.items():
        count = str(sum(entry.exchanges for entry in entries))
        waived = sum(entry.waived for entry in entries)
        view.add_row(
            f"[dim]{len(entries)} {words}[/]",
            count,
            "[dim]-v lists them[/]",
            "0",
            str(waived or ""),
        )
    if verbose:
        for label in sorted(set(report.census.operations) - report.covered):
            view.add_row(f"[dim]{escape(line(label))}[/]", "", "[dim]no journey asks it[/]", "", "")
    return view


def totals(report: Report, console: Console) -> None:
    census, covered = report.census, report.covered
    coverage = f"{len(covered)} of {len(census.operations)} operations"
    if census.ported:
        coverage += f" ({len(covered & census.ported)} of {len(census.ported)} ported)"
    rate = report.exchanges / (report.replay_seconds or 1)
    console.print(
        f"{report.exchanges} exchanges in {report.journeys} journeys, {coverage}, "
        f"{report.rows_changed} rows changed, {report.seconds:.1f} s "
        f"({rate:.0f} exchanges/s replaying, {report.share:.0%} of it in the stacks)",
        highlight=False,
    )
    missing = sorted(census.ported - covered)
    if missing:
        console.print(f"[yellow]ported, but no journey asks:[/] {escape(', '.join(missing))}")
    differences, waived = len(report.differences), len(report.waived)
    verdict = {
        Exit.SAME: "[bold green]same[/]",
        Exit.DIFFERENT: "[bold red]different[/]",
        Exit.COULD_NOT_RUN: "[bold red]could not "
        + ("run all journeys[/]" if report.broken else "tell of all requests[/]"),
    }[report.exit]
    coverage = f", could not tell {len(report.unclear)}" if report.unclear else ""
    console.print(
        f"{verdict}: {differences} differences, {waived} waived{coverage}", highlight=False
    )
