"""Times in pairs, statements counted in both processes, and a budget that fails what is slower."""

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from parity_core.model import ParityError
from parity_tests.performance.budget import PerformanceBudget, PerformanceVerdict, judge, load
from parity_tests.performance.interval import Interval, ratio
from tests.parity.conftest import SHOP, Shop

APP = "shop_port/app.py"


def series(factor: float, noise: float, count: int = 60) -> list[tuple[float, float]]:
    draw = random.Random(7)
    return [(0.01, 0.01 * factor * draw.lognormvariate(0, noise)) for _ in range(count)]


def test_an_interval_holds_the_true_ratio_and_narrows_with_pairs() -> None:
    few, many = ratio(series(2.0, 0.3, 12)), ratio(series(2.0, 0.3, 400))
    assert few is not None
    assert many is not None
    for found in (few, many):
        assert found.low < 2.0 < found.high
    assert many.high - many.low < (few.high - few.low) / 2
    assert ratio(series(2.0, 0.3, 400)) == many, "the same pairs, the same interval"
    assert ratio(series(2.0, 0.3, 4)) is None


def test_a_few_long_pauses_do_not_make_a_port_slow() -> None:
    pairs = series(1.0, 0.05) + [(0.01, 5.0)] * 5
    found = ratio(pairs)
    assert found is not None
    assert found.high < 1.1


@pytest.mark.parametrize(
    ("interval", "statements", "budget", "verdict"),
    [
        (Interval(0.8, 0.7, 0.9), (3, 3), PerformanceBudget(1.0), PerformanceVerdict.WITHIN),
        (Interval(1.4, 1.2, 1.6), (3, 3), PerformanceBudget(1.0), PerformanceVerdict.SLOWER),
        (Interval(1.1, 0.9, 1.3), (3, 3), PerformanceBudget(1.0), PerformanceVerdict.INCONCLUSIVE),
        (Interval(1.1, 0.9, 1.3), (3, 3), PerformanceBudget(1.5), PerformanceVerdict.WITHIN),
        (None, (3, 3), PerformanceBudget(1.0), PerformanceVerdict.INCONCLUSIVE),
        (Interval(0.8, 0.7, 0.9), (3, 4), PerformanceBudget(1.0), PerformanceVerdict.STATEMENTS),
        (
            Interval(0.8, 0.7, 0.9),
            (3, 4),
            PerformanceBudget(1.0, None, 1),
            PerformanceVerdict.WITHIN,
        ),
        (
            Interval(0.8, 0.7, 0.9),
            (3, 9),
            PerformanceBudget(1.0, None, None),
            PerformanceVerdict.WITHIN,
        ),
        (Interval(0.8, 0.7, 0.9), (9, 4), PerformanceBudget(1.0, 3), PerformanceVerdict.STATEMENTS),
        (
            Interval(0.8, 0.7, 0.9),
            (None, None),
            PerformanceBudget(1.0, 3),
            PerformanceVerdict.WITHIN,
        ),
    ],
)
def test_only_what_is_sure_fails(
    interval: Interval | None,
    statements: Sequence[float | None],
    budget: PerformanceBudget,
    verdict: PerformanceVerdict,
) -> None:
    assert judge(budget, interval, statements)[0] is verdict


def test_another_status_is_no_time_to_compare() -> None:
    told = judge(PerformanceBudget(), Interval(0.1, 0.1, 0.1), (1, 1), {"500 against 400": 2})
    assert told == (PerformanceVerdict.DIFFERENT, "2× 500 against 400")


def test_a_budget_is_that_of_the_last_glob_that_matches(tmp_path: Path) -> None:
    file = tmp_path / "performance.toml"
    file.write_text(
        "pairs = 7\n[budget]\nratio = 1.1\n"
        '[[operation]]\noperation = "GET *"\nstatements = 2\n'
        '[[operation]]\noperation = "GET /slow/*"\nratio = 9\nreason = "it is"\n'
    )
    plan = load(file)
    assert plan.pairs == 7
    assert plan.budget("POST /x/") == PerformanceBudget(1.1)
    assert plan.budget("GET /x/") == PerformanceBudget(1.1, 2)
    assert plan.budget("GET /slow/x/") == PerformanceBudget(9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[budget]\nratoi = 1", "did you mean `ratio`"),
        ("[budget]\nratio = -1", "greater than or equal to 0"),
        ('[budget]\nratio = "1"', "should be a number"),
        ("[[operation]]\nratio = 1", r"`operation\[1\].operation` is missing"),
        ("x", "performance.toml"),
    ],
)
def test_a_budget_that_can_not_be_meant_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "performance.toml"
    file.write_text(text)
    with pytest.raises(ParityError, match=words):
        load(file)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any], str]:
    """The shop, with a port that sleeps in one operation and asks too much in another."""
    folder = tmp_path_factory.mktemp("performance") / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shop = Shop(folder)
    shop.change(
        APP,
        "    with engine.connect() as connection:\n        rows =",
        "    time.sleep(1)\n    with engine.connect() as connection:\n        rows =",
    )
    shop.change(
        APP,
        '    with engine.begin() as connection:\n        find(connection, idx)\n        connection.execute(sa.text("DELETE',
        '    with engine.begin() as connection:\n        find(connection, idx)\n        find(connection, idx)\n        connection.execute(sa.text("DELETE',
    )
    (folder / "performance.toml").write_text(
        'journeys = "journeys"\npairs = 8\n[budget]\nratio = 4.0\n'
        '[[operation]]\noperation = "GET /items/"\nratio = 2.0\n'
    )
    done = shop.parity("performance", "-j", "items", "--json", str(folder / "found.json"))
    return done.returncode, json.loads((folder / "found.json").read_text()), done.stdout


def test_a_port_that_is_slower_than_allowed_fails(measured: tuple[int, Any, str]) -> None:
    code, report, printed = measured
    assert code == 1, printed
    slow = report["operations"]["GET /items/"]
    assert (slow["verdict"], slow["pairs"]) == ("slower", 8)
    assert slow["ratio"]["low"] > 2
    assert slow["milliseconds"]["ported"] > 1000


def test_statements_are_counted_in_both_processes(measured: tuple[int, Any, str]) -> None:
    _, report, printed = measured
    operations = report["operations"]
    assert operations["POST /items/"]["statements"] == {"legacy": 3, "ported": 3}
    assert operations["GET /items/<int:idx>/"]["statements"] == {"legacy": 2, "ported": 2}
    more = operations["DELETE /items/<int:idx>/"]
    assert more["example"]["ported"].count("SELECT * FROM items WHERE id = ?") == 2
    assert more["verdict"] == "too many statements"
    assert "2× SELECT * FROM items WHERE id = ?" in printed
