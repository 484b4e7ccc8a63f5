"""Kinds first: how many kinds there are is seen before how many differences there are."""

from __future__ import annotations

import io

from rich.console import Console

from parity_core.model import Difference, Finding
from parity_tests.operations import Census
from parity_tests.report import terminal
from parity_tests.report.kinds import examples, kinds
from parity_tests.report.results import Report
from tests.parity.conftest import pair


def findings(*places: str, step: int = 1, operation: str = "GET /x/") -> list[Finding]:
    one = pair([], [], step, operation)
    return [Finding(one, Difference(place, 1, 2)) for place in places]


def test_items_of_one_list_are_one_kind() -> None:
    found = kinds(
        [
            *findings("body/0/name", "body/1/name", "body/1/price"),
            *findings("body/7/name", step=2),
            *findings("body/0/name", operation="GET /y/"),
        ]
    )
    assert [(len(kind.findings), kind.pairs) for kind in found] == [(3, 2), (1, 1), (1, 1)]


def test_each_kind_has_an_example_and_no_pair_is_shown_twice() -> None:
    first, second = findings("body/0/a", "body/0/b"), findings("body/3/a", "body/0/c", step=2)
    shown = examples(kinds([*first, *second]))
    assert shown == [first, second]
    assert examples(kinds([*first, *findings("body/9/a", step=3)])) == [first]


def test_the_terminal_has_the_kinds_before_a_thousand_pairs_of_one() -> None:
    report = Report("Shop", "sqlite", Census(("GET /x/",)))
    for step in range(1, 1001):
        found = findings(f"body/{step}/name", step=step)
        report.add(found[0].pair, found)
    other = findings("body/other", step=2000)
    report.add(other[0].pair, other)
    text = io.StringIO()
    terminal.render(report, Console(file=text, width=160))
    printed = text.getvalue()
    lines = printed.splitlines()
    assert "2 kinds of difference" in lines[0]
    assert any("body/*/name" in line and "1000" in line for line in lines[:12])
    assert any("body/other" in line for line in lines[:12])
    assert printed.count("curl -i") == 2
    assert len(lines) < 80
