"""Kinds first: how many kinds there are is seen before how many differences there are."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from parity_core.model import Difference, Finding
from parity_tests.operations import Census
from parity_tests.report import html, markdown, outputs, terminal
from parity_tests.report.document import document
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


def test_a_kind_is_as_old_as_the_first_report_that_knows_it(tmp_path: Path) -> None:
    report = Report("Shop", "sqlite", Census(("GET /x/",)))
    for step in (1, 2):
        found = findings("body/0/name", "body/1/name", step=step)
        report.add(found[0].pair, found)
    (kind,) = document(report)["kinds"].values()
    assert (kind["differences"], kind["requests"]) == (4, 2)
    assert kind["since"] == "2027-01-15T08:00:00+00:00"
    earlier = tmp_path / "earlier.json"
    old = document(report)
    next(iter(old["kinds"].values()))["since"] = "2026-12-24T18:00:00+00:00"
    earlier.write_text(json.dumps(old))
    report.since = outputs.observed_before(earlier)
    now = document(report)
    text = markdown.render(now)
    assert "| 4 | 2 | 2026-12-24T18:00:00+00:00 | `journey, step 1` |" in text
    assert "2026-12-24T18:00:00+00:00" in html.render(now)
    screen = io.StringIO()
    terminal.render(report, Console(file=screen, width=240))
    assert "2026-12-24T18:00:00Z" in screen.getvalue()


def test_the_terminal_has_the_kinds_before_a_thousand_pairs_of_one() -> None:
    report = Report("Shop", "sqlite", Census(("GET /x/",)))
    for step in range(1, 1001):
        found = findings(f"body/{step}/name", step=step)
        report.add(found[0].pair, found)
    other = findings("body/other", step=2000)
    report.add(other[0].pair, other)
    text = io.StringIO()
    terminal.render(report, Console(file=text, width=200))
    printed = text.getvalue()
    lines = printed.splitlines()
    assert "2 kinds of difference" in lines[0]
    assert any("body/*/name" in line and "1000" in line for line in lines[:12])
    assert any("body/other" in line for line in lines[:12])
    assert printed.count("curl -i") == 2
    assert len(lines) < 80
