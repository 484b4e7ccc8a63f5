"""Planted bugs: who has to find what, and a run on the shop by journeys and by the matrix."""

import json
from typing import Any

import pytest

from parity_tests.mutants.model import (
    Mutant,
    MutantOutcome,
    MutantTrial,
    MutantVerdict,
    Part,
    Result,
    chosen,
)
from parity_tests.report.exit_code import Exit
from tests.parity.conftest import Shop


def outcome(*verdicts: MutantVerdict, equivalent: bool = False) -> MutantOutcome:
    mutant = Mutant("m", "", "a.py", "x", "y", "GET /", "status", ("j",), equivalent=equivalent)
    return MutantOutcome(mutant, {p: MutantTrial(v) for p, v in zip(Part, verdicts, strict=False)})


@pytest.mark.parametrize(
    ("verdicts", "equivalent", "told", "code"),
    [
        ((MutantVerdict.MISSED, MutantVerdict.DETECTED), False, "found", Exit.SAME),
        ((MutantVerdict.MISSED, MutantVerdict.NOT_ASKED), False, "missed", Exit.DIFFERENT),
        ((MutantVerdict.ELSEWHERE,), False, "red, but not there", Exit.DIFFERENT),
        ((MutantVerdict.BROKEN, MutantVerdict.MISSED), False, "did not run", Exit.COULD_NOT_RUN),
        ((MutantVerdict.BROKEN, MutantVerdict.DETECTED), False, "found", Exit.SAME),
        (
            (MutantVerdict.MISSED, MutantVerdict.NOT_ASKED),
            True,
            "equivalent, left alone",
            Exit.SAME,
        ),
        (
            (MutantVerdict.MISSED, MutantVerdict.DETECTED),
            True,
            "equivalent, but red",
            Exit.DIFFERENT,
        ),
        ((MutantVerdict.ELSEWHERE,), True, "equivalent, but red", Exit.DIFFERENT),
    ],
)
def test_a_bug_must_be_found_by_a_part_and_an_equivalent_by_none(
    verdicts: tuple[MutantVerdict, ...], equivalent: bool, told: str, code: Exit
) -> None:
    one = outcome(*verdicts, equivalent=equivalent)
    assert one.verdict == told
    assert Result(tuple(Part), [one]).exit is code


def test_equivalents_are_no_bugs() -> None:
    result = Result(
        tuple(Part),
        [outcome(MutantVerdict.DETECTED), outcome(MutantVerdict.MISSED, equivalent=True)],
    )
    assert (result.detected, len(result.real), result.equivalents_found) == (1, 1, [])


def test_parts_are_chosen_by_name() -> None:
    assert chosen(["all"]) == tuple(Part)
    assert chosen(["matrix", "journeys"]) == (Part.JOURNEYS, Part.MATRIX)


MUTANTS = """
[[mutant]]
id = "anybody-deletes"
kind = "lost permission"
about = "who is no administrator may delete"
file = "shop_port/app.py"
find = 'if user.name != "admin":'
replace = "if not user:"
operation = "DELETE /items/<int:idx>/"
place = "status"
journeys = ["items"]

[[mutant]]
id = "no-cache-control"
about = "a page that is none"
file = "shop_port/app.py"
find = '{"error": error.detail}'
replace = '{"detail": error.detail}'
operation = "GET (no such rule)"
place = "body/error"
journeys = ["refusals"]

[[mutant]]
id = "order-of-keys"
equivalent = true
about = "an item has its keys in another order"
file = "shop_port/app.py"
find = "    return item\\n"
replace = "    return dict(reversed(item.items()))\\n"
operation = "GET /items/<int:idx>/"
place = "**"
journeys = ["items"]
"""


def test_the_table_tells_which_part_found_what_in_how_many_requests(shop: Shop) -> None:
    (shop.folder / "mutants.toml").write_text(MUTANTS)
    file = shop.folder / "found.json"
    done = shop.parity("mutants", "--by", "journeys", "--by", "matrix", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(file.read_text())
    assert (report["found"], report["total"], report["equivalent"]) == (2, 2, 1)
    by = {one["id"]: one["by"] for one in report["mutants"]}
    assert by["anybody-deletes"]["matrix"]["verdict"] == "found"
    # two cells of the administrator, then the guest's
    assert by["anybody-deletes"]["matrix"]["exchanges"] == 3
    assert by["no-cache-control"]["matrix"]["verdict"] == "not asked"
    assert by["no-cache-control"]["journeys"]["verdict"] == "found"
    assert {trial["verdict"] for trial in by["order-of-keys"].values()} == {"missed"}
    assert "1 equivalent, none of them red" in done.stdout
    assert "found 2 of 2" in done.stdout


def test_a_mutant_that_is_no_python_is_told_before_anything_starts(shop: Shop) -> None:
    (shop.folder / "mutants.toml").write_text(MUTANTS.replace('"if not user:"', '"if not user"'))
    done = shop.parity("mutants")
    assert done.returncode == 2
    assert "mutant anybody-deletes: shop_port/app.py is no Python any more" in done.stderr
