"""A suite's report for people and for machines."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parity_tests.suite.verdict import ABOUT, Judged, SuiteReport, SuiteVerdict

_COLOUR = {
    SuiteVerdict.PASSED: "green",
    SuiteVerdict.ONLY_ON_PORTED: "red",
    SuiteVerdict.REACHES_INSIDE: "yellow",
    SuiteVerdict.FAILED_ON_BOTH: "yellow",
}
_SHOWN = (
    SuiteVerdict.ONLY_ON_PORTED,
    SuiteVerdict.REACHES_INSIDE,
    SuiteVerdict.FAILED_ON_BOTH,
    SuiteVerdict.ONLY_ON_LEGACY,
)
_LAST = 3
"""Requests of a test that are shown."""


def render(report: SuiteReport, console: Console, verbose: bool = False) -> None:
    verdicts = (*_SHOWN, *(one for one in SuiteVerdict if one not in _SHOWN)) if verbose else _SHOWN
    for verdict in verdicts:
        for test in report.of(verdict):
            _one(test, console)
    view = Table("tests", "verdict", "which means", title="The suite, on both stacks")
    for verdict in SuiteVerdict:
        if count := report.counts[verdict]:
            colour = _COLOUR.get(verdict, "default")
            view.add_row(str(count), f"[{colour}]{verdict}[/]", ABOUT[verdict])
    console.print(view)
    for note in sorted(report.ported.notes):
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
    console.print(
        f"{len(report.tests)} tests; {report.legacy.requests} requests in {report.legacy.seconds:.1f} s "
        f"on the legacy, {report.ported.requests} in {report.ported.seconds:.1f} s on {report.target}",
        highlight=False,
    )


def _one(test: Judged, console: Console) -> None:
    colour = _COLOUR.get(test.verdict, "default")
    console.print(
        f"[{colour}]{test.verdict}[/]: {escape(test.id)}", highlight=False, soft_wrap=True
    )
    for side, outcome in (("legacy", test.legacy), ("ported", test.ported)):
        if outcome.message:
            console.print(f"    {side}: {escape(outcome.message)}", highlight=False, soft_wrap=True)
    if test.verdict is SuiteVerdict.REACHES_INSIDE:
        console.print(
            f"    replaced: {escape(', '.join(test.reaches))}", highlight=False, soft_wrap=True
        )
    if test.verdict in (SuiteVerdict.ONLY_ON_PORTED, SuiteVerdict.REACHES_INSIDE):
        for line in _requests(test):
            console.print(f"    {escape(line)}", highlight=False, soft_wrap=True)


def _requests(test: Judged) -> list[str]:
    """The last requests, with both statuses where the runs still ask the same."""
    legacy, ported = test.legacy.requests, test.ported.requests
    lines = []
    for index, request in enumerate(ported):
        twin = legacy[index] if index < len(legacy) else None
        other = (
            twin.status
            if twin and (twin.method, twin.path) == (request.method, request.path)
            else "–"
        )
        lines.append(f"{request.method} {request.path}: legacy {other}, ported {request.status}")
    return lines[-_LAST:]


def as_json(report: SuiteReport) -> str:
    return json.dumps(
        {
            "target": report.target,
            "command": list(report.command),
            "exit": int(report.exit),
            "counts": {verdict.name.lower(): report.counts[verdict] for verdict in SuiteVerdict},
            "requests": {"legacy": report.legacy.requests, "ported": report.ported.requests},
            "seconds": {
                "legacy": round(report.legacy.seconds, 3),
                "ported": round(report.ported.seconds, 3),
            },
            "notes": sorted(report.ported.notes),
            "tests": [_as_json(test) for test in report.tests],
        },
        indent=1,
    )


def _as_json(test: Judged) -> dict[str, Any]:
    sides = {
        side: {
            "result": outcome.result,
            "message": outcome.message,
            "seconds": round(outcome.seconds, 4),
            "requests": [
                {"method": one.method, "path": one.path, "status": one.status}
                for one in outcome.requests
            ],
        }
        for side, outcome in (("legacy", test.legacy), ("ported", test.ported))
    }
    return {
        "id": test.id,
        "verdict": test.verdict.name.lower(),
        "reaches": list(test.reaches),
        **sides,
    }
