"""Red only on what is new: differences by keys that no id, order or number of times can change."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from parity_core.compare.waivers import parse
from parity_core.model import MISSING, Difference, Finding, ParityError, Side, Waiver
from parity_tests.cli.main import main
from parity_tests.operations import Census
from parity_tests.report import document as json_report
from parity_tests.report import gate
from parity_tests.report.exit_code import Exit
from parity_tests.report.keys import group, key, shape
from parity_tests.report.results import Report
from tests.parity.conftest import exchange, pair

A, B = "GET /a/<int:i>/", "POST /b/"


def finding(
    place: str = "body/0/id",
    legacy: Any = 1,
    ported: Any = 2,
    operation: str = A,
    statuses: tuple[int | None, int | None] = (200, 200),
    waiver: Waiver | None = None,
) -> Finding:
    one = exchange(Side.LEGACY, {}, statuses[0])
    other = exchange(Side.PORTED, {}, statuses[1])
    return Finding(pair(one, other, operation=operation), Difference(place, legacy, ported), waiver)


def document(*findings: Finding, **changes: Any) -> dict[str, Any]:
    report = Report("shop", "sqlite", Census((A, B)), **changes)
    for one in findings:
        report.add(one.pair, [one])
    return json_report.document(report)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("status", "status"),
        ("header/allow", "header/allow"),
        ("body/0/id", "body/*/id"),
        ("body/items/12/3/id", "body/items/*/*/id"),
        ("body/-1", "body/*"),
        ("body/2a", "body/2a"),
        ("rows/users/5/email", "rows/users/*/email"),
        ("rows/cases/a1b2c3,4/0", "rows/cases/*/*"),
        ("rows/users/5", "rows/users/*"),
        ("mail/0/subject", "mail/*/subject"),
    ],
)
def test_a_shape_has_no_position_and_no_id(place: str, told: str) -> None:
    assert shape(place) == told


def test_a_key_minds_what_a_person_would_call_another_difference() -> None:
    one = key(finding())
    assert one == key(finding("body/7/id", 5, 99)), "position and values"
    others = [
        finding("body/0/name"),
        finding(ported="2"),
        finding(ported=None),
        finding(ported=MISSING),
        finding(ported=True),
        finding(operation=B),
        finding(statuses=(400, 400)),
        finding(statuses=(200, None)),
    ]
    assert len({one, *map(key, others)}) == len(others) + 1
    # how a stack did not answer is not worth a key of its own
    silent = [
        finding("status", 200, words, statuses=(200, None)) for words in ("no reply", "reset")
    ]
    assert key(silent[0]) == key(silent[1])
    # known for good: a key that changed would make every baseline worthless
    assert one == "33e340c0"


def test_groups_are_first_segments() -> None:
    assert [group(label) for label in (A, B, "GET /")] == ["a", "b", "/"]


def test_what_the_baseline_knows_is_not_new_in_any_order_and_number() -> None:
    before = gate.of_report(document(finding(), finding("status", 200, 404, statuses=(200, 404))))
    now = document(
        finding("status", 200, 404, statuses=(200, 404)),
        *(finding(f"body/{number}/id", number, number + 1) for number in range(5)),
    )
    told = gate.judge(now, before)
    assert (told.exit, told.new, len(told.known), told.gone) == (Exit.SAME, [], 2, [])


def test_what_is_new_is_red_and_what_is_gone_is_told() -> None:
    before = gate.of_report(document(finding("body/name")))
    now = document(finding("body/price"))
    told = gate.judge(now, before)
    assert told.exit is Exit.DIFFERENT
    assert [now["kinds"][one]["place"] for one in told.new] == ["body/price"]
    assert len(told.gone) == 1


def test_a_waiver_that_is_gone_makes_a_difference_new() -> None:
    waiver = parse(
        {
            "operation": A,
            "place": "body/0/id",
            "legacy": 1,
            "ported": 2,
            "owner": "me",
            "reason": "why",
            "expires": date(2999, 1, 1),
        }
    )
    before = gate.of_report(document(finding(waiver=waiver)))
    assert gate.judge(document(finding(waiver=waiver)), before).exit is Exit.SAME
    assert gate.judge(document(finding()), before).exit is Exit.DIFFERENT


def test_operations_that_nothing_asks_any_more_are_red_unless_a_part_was_played() -> None:
    before = gate.of_report(document(finding(), finding(operation=B)))
    told = gate.judge(document(finding()), before)
    assert (told.exit, told.uncovered) == (Exit.DIFFERENT, [B])
    part = gate.judge(document(finding(), complete=False), before)
    assert (part.exit, part.uncovered, part.gone) == (Exit.SAME, [], [])


def test_journeys_and_waivers_are_judged_by_what_is_new_too() -> None:
    before = gate.of_report(document(broken=["one: died on port 1"], waiver_problems=["old"]))
    same = document(broken=["one: died on port 2"], waiver_problems=["old"])
    assert gate.judge(same, before).exit is Exit.SAME
    broken = document(broken=["one: died on port 2", "two: died"])
    assert gate.judge(broken, before).exit is Exit.COULD_NOT_RUN
    assert gate.judge(document(waiver_problems=["new"]), before).exit is Exit.DIFFERENT


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_command_writes_the_baseline_and_judges_by_it(tmp_path: Path) -> None:
    old, new, baseline = (tmp_path / name for name in ("old.json", "new.json", "baseline.json"))
    json_report.write(document(finding()), old)
    json_report.write(document(finding(), finding("body/price", 1, MISSING)), new)
    missing = run("gate", old, "--baseline", baseline)
    assert missing.exit_code == 2
    assert "--update` writes one" in missing.output
    assert run("gate", old, "--baseline", baseline, "--update").exit_code == 0
    before = baseline.read_text()
    assert run("gate", old, "--baseline", baseline).exit_code == 0
    summary = tmp_path / "summary.md"
    red = run("gate", new, "--baseline", baseline, "--markdown", summary)
    assert red.exit_code == 1
    assert "1 new, 1 known kinds of difference" in red.output
    assert "body/price" in red.output
    assert "body/*/id" not in red.output
    assert "**1 new**" in summary.read_text()
    assert baseline.read_text() == before, "judging changes nothing"
    assert run("gate", new, "--baseline", baseline, "--update").exit_code == 0
    assert run("gate", new, "--baseline", baseline).exit_code == 0
    assert len(json.loads(baseline.read_text())["differences"]) == 2


def test_a_baseline_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("[]")
    with pytest.raises(ParityError, match="no baseline of this version"):
        gate.load(file)
