"""Kinds first: one line for each kind of difference, then one example of each with its request.

Items of one list that differ in the same way are one kind: its place is `body/*/name`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from parity_core.model import Finding
from parity_tests.report.keys import key, shape
from parity_tests.report.since import earliest, observed
from parity_tests.report.values import line, show

_VALUE = 80


@dataclass
class Kind:
    """One kind of difference, and everywhere it was seen."""

    key: str
    findings: list[Finding]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def pairs(self) -> int:
        """In how many requests."""
        return len({id(one.pair) for one in self.findings})


def kinds(findings: Sequence[Finding]) -> list[Kind]:
    """In the order in which they were first seen."""
    by_key: dict[str, Kind] = {}
    for one in findings:
        name = key(one)
        by_key.setdefault(name, Kind(name, [])).findings.append(one)
    return list(by_key.values())


def examples(differing: Sequence[Kind]) -> list[list[Finding]]:
    """The pairs that show every kind once, each with all that differs in it: few pairs show many kinds."""
    left = {kind.key for kind in differing}
    chosen: list[list[Finding]] = []
    for kind in differing:
        if kind.key not in left:
            continue
        pair = kind.first.pair
        inside = [one for other in differing for one in other.findings if one.pair is pair]
        chosen.append(inside)
        left -= {key(one) for one in inside}
    return chosen


def table(differing: Sequence[Kind], since: Mapping[str, str]) -> Table:
    """`since`, by key: the moment at which a kind was met first; `first in`: where in this run."""
    view = Table(title=f"{len(differing)} kinds of difference", title_justify="left")
    for name in (
        "id",
        "operation",
        "place",
        "legacy",
        "ported",
        "times",
        "requests",
        "since",
        "first in",
    ):
        right = name in ("times", "requests")
        view.add_column(name, overflow="fold", justify="right" if right else "left")
    for kind in differing:
        pair, difference = kind.first.pair, kind.first.difference
        view.add_row(
            kind.key,
            Text(line(pair.operation.label)),
            Text(line(shape(difference.place)), "bold"),
            Text(show(difference.legacy, _VALUE)),
            Text(show(difference.ported, _VALUE)),
            str(len(kind.findings)),
            str(kind.pairs),
            Text(since.get(kind.key, "").replace("+00:00", "Z"), "dim"),
            Text(line(f"{pair.journey}, step {pair.step}"), "dim"),
        )
    return view


def render(differing: Sequence[Kind], since: Mapping[str, str], console: Console) -> None:
    """`since` of an earlier report; what it does not know was met in this run."""
    if differing:
        now = observed(one for kind in differing for one in kind.findings)
        console.print(table(differing, earliest(since, now)))
        ids = ", ".join(kind.key for kind in differing[:3])
        console.print(
            f"[dim]below, an example of each; `parity explain ID REPORT` shows any other: {escape(ids)}[/]",
            highlight=False,
        )
