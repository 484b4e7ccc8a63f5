"""Learned noise: what may be learned, what never, how rules apply and expire; on pairs, a shop and the legacy."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from parity_core.compare.correspond import Correspondence
from parity_core.compare.diff import diff
from parity_core.compare.learned import Learned, LearnedEvidence, LearnedKind, LearnedRule, render
from parity_core.compare.rules import Rules
from parity_core.files.learned_toml import load
from parity_core.model import Change, Pair, ParityError, RowChange, Side
from parity_tests.calibrate.learn import Learning, LearningObserver, generalised
from parity_tests.calibrate.use_case import merged
from tests.parity.conftest import ROOT, Shop, exchange, pair

TODAY = date(2026, 11, 23)
LATER = TODAY + timedelta(days=30)
KEY = "x-secret-of-both-sides-0123456789"


def learn(pairs: Iterable[Pair]) -> Learning:
    observer = LearningObserver()
    for one in pairs:
        observer.add(one, diff(one, Rules(), Correspondence()))
    return observer.learn(TODAY, LATER)


def kinds(*values: tuple[Any, Any]) -> dict[str, LearnedKind]:
    """What is learned of `body/v`, one pair of replies after another."""
    found = learn(pair({"v": a}, {"v": b}, step) for step, (a, b) in enumerate(values, 1))
    return {rule.place: rule.kind for rule in found.rules}


def test_generated_ids_are_no_noise_but_correspond() -> None:
    found = learn(
        [
            pair({"id": "a1"}, {"id": "b1"}, 1),
            pair([{"id": "a1"}, {"id": "a2"}], [{"id": "b1"}, {"id": "b2"}], 2),
        ]
    )
    assert {(rule.place, rule.kind) for rule in found.rules} == {
        ("body/id", LearnedKind.ONE_TO_ONE),
        ("body/*/id", LearnedKind.ONE_TO_ONE),
    }
    assert found.noise == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([("a", "b"), ("a", "c")], LearnedKind.VALUE),
        ([(7, 8), (7, 9)], LearnedKind.DURATION),
        ([(-7, 8), (-7, 9)], LearnedKind.VALUE),
        ([(0.25, 0.5)], LearnedKind.DURATION),
        ([(-0.25, 0.5)], LearnedKind.VALUE),
        ([(1_800_000_000.5, 1_800_000_001.0)], LearnedKind.TIMESTAMP),
        ([("2027-01-15T08:00:01", "2027-01-15T08:00:02")], LearnedKind.TIMESTAMP),
        ([(["x", "y"], ["y", "x"])], LearnedKind.ORDER),
        ([("$2b$10$" + "a" * 53, "$2b$10$" + "b" * 53)], LearnedKind.PASSWORD_HASH),
    ],
)
def test_the_strictest_kind_that_explains_everything(values: Any, kind: LearnedKind) -> None:
    assert kinds(*values) == {"body/v": kind}


def test_evidence_is_counted_per_operation_and_place() -> None:
    same = [pair({"v": 1}, {"v": 1}, step) for step in range(1, 4)]
    (rule,) = learn([*same, pair({"v": 1}, {"v": 2}, 9), pair({"v": 1}, {"v": 3}, 10)]).rules
    assert (rule.operation, rule.evidence) == ("GET /x/", LearnedEvidence("journey", 9, 2, 5))
    assert (rule.learned, rule.expires) == (TODAY, LATER)


def status(
    legacy: int, ported: int, left: Any = 1, right: Any = 2, challenges: Sequence[str] = ()
) -> Pair:
    told: list[dict[str, str] | None] = [{"WWW-Authenticate": words} for words in challenges]
    told = told or [None, None]
    return pair(
        exchange(Side.LEGACY, left, legacy, told[0]),
        exchange(Side.PORTED, right, ported, told[1]),
    )


ROW = RowChange("items", Change.INSERTED, (1,), after={"id": 1, "name": "x"}, key_columns=("id",))


@pytest.mark.parametrize(
    ("one", "place", "why"),
    [
        (status(200, 201, 1, 1), "status", "the statuses differ"),
        (status(200, 500, {"v": 1}, {"v": 2}), "body/v", "the statuses differ"),
        (status(401, 401, {"v": "a"}, {"v": "b"}), "body/v", "the request was refused"),
        (status(403, 403, {"v": "a"}, {"v": "b"}), "body/v", "the request was refused"),
        (status(200, 200, 1, 1, ["Basic", "Bearer"]), "header/www-authenticate", "no value"),
        (pair({"v": 1}, {"v": "1"}), "body/v", "int against str"),
        (pair({"v": 1}, {"v": None}), "body/v", "int against NoneType"),
        (pair({"v": 1}, {}), "body/v", "it is there on one side only"),
        (pair([1], [1, 2]), "body/*", "it is there on one side only"),
        (pair(exchange(Side.LEGACY, rows=[ROW]), exchange(Side.PORTED)), "rows/items/*", "a row"),
        (pair(b"<p>1</p>", b"<p>2</p>"), "body", "a whole reply"),
    ],
)
def test_what_is_never_relaxed(one: Pair, place: str, why: str) -> None:
    found = learn([one, replace(one, step=2)])
    told = {(refused.place, refused.why[: len(why)]) for refused in found.refused}
    assert (place, why) in told
    assert place not in {rule.place for rule in found.rules}
    # nor does a rule that somebody writes into the file by hand accept it
    rule = LearnedRule("*", "**", LearnedKind.VALUE, TODAY, LATER, LearnedEvidence("j", 1, 1, 1))
    differences = diff(one, Rules(), Correspondence())
    assert [
        d for d in Learned([rule], TODAY).left(one, differences) if generalised(d.place) == place
    ]


def test_a_token_is_not_relaxed_to_any_value() -> None:
    from parity_core.compare.tokens import mint

    mine, others = (mint({"sub": name}, KEY, 0) for name in ("admin", "guest"))
    found = learn([pair({"v": mine}, {"v": others}, 1), pair({"v": mine}, {"v": mine + "x"}, 2)])
    assert found.rules == []


def rule(kind: LearnedKind, place: str = "body/v", expires: date = LATER) -> LearnedRule:
    return LearnedRule("GET /x/", place, kind, TODAY, expires, LearnedEvidence("j", 1, 2, 3))


def left(learned: Learned, *values: tuple[Any, Any]) -> list[int]:
    """Positions of the pairs of values that are still different."""
    kept = []
    for step, (a, b) in enumerate(values, 1):
        one = pair({"v": a}, {"v": b}, step)
        if learned.left(one, diff(one, Rules(), Correspondence())):
            kept.append(step)
    return kept


def test_a_rule_accepts_what_was_learned_and_counts_its_use() -> None:
    value = rule(LearnedKind.VALUE)
    learned = Learned([value], TODAY)
    assert left(learned, ("a", "b"), ("a", "c"), ("a", 1)) == [3], "another type is no noise"
    assert learned.used == {value: 2}
    assert learned.notes() == [f"learned rule used 2 times: {value}"]


def test_values_that_corresponded_must_go_on_corresponding() -> None:
    learned = Learned([rule(LearnedKind.ONE_TO_ONE)], TODAY)
    assert left(learned, ("a1", "b1"), ("a2", "b2"), ("a1", "b1"), ("a1", "b2")) == [4]


def test_an_expired_rule_does_not_apply_and_is_told() -> None:
    learned = Learned([rule(LearnedKind.VALUE, expires=TODAY - timedelta(days=1))], TODAY)
    assert left(learned, ("a", "b")) == [1]
    assert learned.notes()[0].startswith("learned rule expired on 2026-11-22, not applied")


def test_the_file_can_be_read_again_and_is_merged(tmp_path: Path) -> None:
    file = tmp_path / "learned.toml"
    old = rule(LearnedKind.VALUE, "body/old", TODAY - timedelta(days=1))
    other, again = rule(LearnedKind.ORDER, "body/other"), rule(LearnedKind.VALUE)
    file.write_text(render([old, other, again]))
    assert set(load(file, TODAY).rules) == {old, other, again}
    now = rule(LearnedKind.DURATION)
    assert set(merged(file, [now], TODAY)) == {now, other}
    assert merged(tmp_path / "none.toml", [now], TODAY) == [now]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("body/v", "**"), "covers status"),
        (("body/v", "header/www-*"), "covers header/www-authenticate"),
        (("value", "anything"), "anything"),
        (("pairs = 3", "pairs = 3, more = 1"), "more"),
        (("expires = 2026-12-23", "expires = '2026-12-23'"), "date without quotes"),
    ],
)
def test_a_file_that_relaxes_too_much_or_lacks_evidence_is_refused(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    file = tmp_path / "learned.toml"
    file.write_text(render([rule(LearnedKind.VALUE)]).replace(*change))
    with pytest.raises(ParityError, match=told):
        load(file, TODAY)


def lucky(shop: Shop) -> None:
    """Both shops show a price of the moment; of so many two are hardly ever the same."""
    shop.change(
        "legacy.py", "    item = dict(row._mapping)\n",
        '    item = dict(row._mapping) | {"luck": time.perf_counter_ns() % 999_983}\n',
    )  # fmt: skip
    shop.change(
        "shop_port/app.py", "    item = dict(row._mapping)\n",
        '    item = dict(row._mapping) | {"luck": time.perf_counter_ns() % 999_979}\n',
    )  # fmt: skip


def test_noise_is_learned_from_the_legacy_and_applied_to_the_port(shop: Shop) -> None:
    lucky(shop)
    file = shop.folder / "learned.toml"
    done = shop.parity("calibrate", "-j", "items", "--out", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    rules = tomllib.loads(file.read_text())["learned"]
    assert {one["place"] for one in rules} == {"body/luck", "body/*/luck"}
    assert {one["evidence"]["journey"] for one in rules} == {"items"}
    code, report, _ = shop.report("-j", "items")
    assert code == 1
    assert {one["place"].split("/")[-1] for one in report["details"]} == {"luck"}
    code, report, printed = shop.report("-j", "items", "--learned", str(file))
    assert (code, report["differences"]) == (0, 0), printed
    assert any("learned rule used" in note for note in report["notes"])
    # what else differs is still found
    shop.change("shop_port/app.py", '{"message": "edited"}', '{"message": "changed"}')
    code, report, _ = shop.report("-j", "items", "--learned", str(file))
    assert (code, [one["place"] for one in report["details"]]) == (1, ["body/message"])


@pytest.mark.legacy
def test_the_real_legacy_differs_from_itself_in_ids_and_moments_only(tmp_path: Path) -> None:
    file = tmp_path / "learned.toml"
    words: Sequence[str] = ("calibrate", "-j", "instance-file", "--no-rules", "--out", str(file))
    done = subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", *words],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rules = tomllib.loads(file.read_text())["learned"]
    found = {
        (one["place"], one["kind"]) for one in rules if one["operation"] == "POST /instancefile/"
    }
    assert {("body/id", "one-to-one"), ("rows/instances/*/id", "one-to-one")} <= found
    assert ("rows/instances/*/created_at", "timestamp") in found
    assert {one["kind"] for one in rules} == {"one-to-one", "timestamp"}, json.dumps(
        found, default=str
    )
