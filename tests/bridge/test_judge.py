"""What the evidence says, and when a ramp goes on."""

from typing import Any

import pytest

from legacy_bridge.evidence.judge import (
    BudgetJudgement,
    BudgetVerdict,
    Check,
    OperationEvidence,
    judge,
    judge_windows,
)
from legacy_bridge.evidence.ramp_move import Move, next_move
from legacy_bridge.evidence.tally import Tally, TallyKey, total
from legacy_bridge.evidence.windows import Row, Span, Windows
from legacy_bridge.modes.budget import Budget, BudgetError, budget_of
from legacy_bridge.modes.ramp import RampError, end_of, steps_of
from legacy_bridge.modes.state import Ramp, RampState
from legacy_bridge.operations.operation import Stack

BUDGET = Budget()


def tally(
    requests: int = 0,
    errors: int = 0,
    *,
    ms: float | None = None,
    compared: int = 0,
    different: int = 0,
) -> Tally:
    made = Tally()
    made.requests, made.errors = requests, errors
    made.compared, made.different = compared, different
    for _ in range(requests if ms is not None else 0):
        made.took((ms or 0) / 1000)
    return made


def verdict(ported: Tally, legacy: Tally | None = None, **limits: Any) -> BudgetVerdict:
    return judge(OperationEvidence(ported, legacy or Tally()), BUDGET.with_changes(limits)).verdict


@pytest.mark.parametrize(
    ("requests", "errors", "expected"),
    [
        (0, 0, BudgetVerdict.INCONCLUSIVE),
        (19, 0, BudgetVerdict.INCONCLUSIVE),
        (20, 0, BudgetVerdict.OK),
        (3, 3, BudgetVerdict.BREACH),  # no sample size is needed for what can't be chance
        (2, 2, BudgetVerdict.INCONCLUSIVE),  # fewer than `fewest`
        (100, 1, BudgetVerdict.OK),
        (100, 2, BudgetVerdict.INCONCLUSIVE),  # may be chance
        (100, 5, BudgetVerdict.BREACH),
        (10_000, 100, BudgetVerdict.OK),
        (10_000, 110, BudgetVerdict.INCONCLUSIVE),
        (10_000, 150, BudgetVerdict.BREACH),
    ],
)
def test_errors(requests: int, errors: int, expected: BudgetVerdict) -> None:
    assert verdict(tally(requests, errors)) is expected


def test_errors_the_legacy_has_too_are_nobody_s_fault() -> None:
    assert verdict(tally(1000, 100), tally(1000, 100)) is BudgetVerdict.OK
    assert verdict(tally(1000, 100), tally(1000, 10)) is BudgetVerdict.BREACH
    assert verdict(tally(1000, 100), tally(5, 5)) is BudgetVerdict.BREACH, "five say nothing"


def test_differences() -> None:
    assert verdict(tally(100, compared=100, different=0)) is BudgetVerdict.OK
    assert verdict(tally(100, compared=100, different=2)) is BudgetVerdict.INCONCLUSIVE
    assert verdict(tally(100, compared=100, different=6)) is BudgetVerdict.BREACH
    assert verdict(tally(100, compared=5), compared=10) is BudgetVerdict.INCONCLUSIVE
    assert verdict(tally(100, compared=10), compared=10) is BudgetVerdict.OK


@pytest.mark.parametrize(
    ("ported_ms", "legacy_ms", "expected"),
    [
        (1000, 1000, BudgetVerdict.OK),
        (1800, 1000, BudgetVerdict.OK),
        (2600, 1000, BudgetVerdict.BREACH),
        (40, 1, BudgetVerdict.OK),  # fast enough
    ],
)
def test_latency(ported_ms: float, legacy_ms: float, expected: BudgetVerdict) -> None:
    assert verdict(tally(50, ms=ported_ms), tally(50, ms=legacy_ms)) is expected


def test_latency_of_the_slowest_counts_too() -> None:
    ported = total([tally(90, ms=100), tally(10, ms=4000)])
    assert verdict(ported, tally(100, ms=100)) is BudgetVerdict.BREACH
    assert verdict(ported, tally(100, ms=100), latency_ratio_p95=0) is BudgetVerdict.OK
    assert verdict(ported, tally(100, ms=100), latency_ratio=0) is BudgetVerdict.OK


def test_a_few_slow_replies_are_not_yet_a_slow_port() -> None:
    ported = total([tally(18, ms=100), tally(2, ms=4000)])
    assert verdict(ported, tally(100, ms=100)) is BudgetVerdict.INCONCLUSIVE
    many = total([tally(900, ms=100), tally(100, ms=4000)])
    assert verdict(many, tally(1000, ms=100)) is BudgetVerdict.BREACH


def test_nothing_to_compare_latency_with_is_inconclusive() -> None:
    found = judge(OperationEvidence(tally(50, ms=500), Tally()), BUDGET)
    assert found.verdict is BudgetVerdict.INCONCLUSIVE
    assert "0 replies of the legacy" in found.reason


def test_new_trouble_is_not_hidden_by_a_long_good_time() -> None:
    long = OperationEvidence(tally(100_000, 60), Tally())
    short = OperationEvidence(tally(60, 60), Tally())
    assert judge(long, BUDGET).verdict is BudgetVerdict.OK
    found = judge_windows(short, long, BUDGET, samples=100_000)
    assert found.verdict is BudgetVerdict.BREACH
    assert "60 of 60 requests failed" in found.reason


def test_the_samples_of_a_group_are_counted_together() -> None:
    found = judge(OperationEvidence(tally(3), Tally()), BUDGET, samples=30)
    assert found.verdict is BudgetVerdict.OK


def test_percentiles_survive_sums_and_storage() -> None:
    one = total([tally(70, ms=10), tally(30, ms=300)])
    again = Tally.from_json(one.as_json())
    for share, expected in ((0.5, 0.010), (0.95, 0.300)):
        found = again.percentile(share)
        assert found is not None
        assert abs(found / expected - 1) < 0.1
    assert again.figures() == one.figures()
    assert Tally().percentile(0.5) is None


def test_budgets_from_general_to_special() -> None:
    stored = {"*": {"errors": 0.05, "samples": 100}, "things": {"errors": 0.5}}
    assert budget_of(("*", "things", "GET /thing/"), stored).errors == 0.5
    assert budget_of(("*", "GET /thing/"), stored).errors == 0.05
    assert budget_of(("*", "things"), stored).samples == 100
    wrong: list[tuple[str, object]] = [
        ("speed", 1), ("errors", 2), ("errors", "x"), ("window", 1), ("samples", 0)
    ]  # fmt: skip
    for name, value in wrong:
        with pytest.raises(BudgetError, match=name):
            BUDGET.with_changes({name: value})


def test_windows_slide_and_trials_are_apart() -> None:
    windows, now = Windows(), 1_000_000.0

    def row(age: float, trial: int, worker: str, count: int, span: Span = Span.FINE) -> Row:
        return Row(
            span,
            span.bucket(now - age),
            worker,
            TallyKey("GET /x/", trial, Stack.PORTED),
            tally(count),
        )

    windows.take([row(0, 2, "a", 1), row(0, 2, "b", 2), row(30, 2, "a", 4), row(30, 1, "a", 8)])

    def count(seconds: int, at: float = now, trial: int | None = 2) -> int:
        return windows.sum("GET /x/", Stack.PORTED, seconds, at, trial=trial).requests

    assert count(60) == 7
    assert count(10) == 3
    assert count(60, trial=None) == 15
    assert count(60, now + 60) == 3
    assert count(60, now + 100) == 0
    windows.take([row(0, 2, "a", 100)])
    assert count(60) == 106, "a row that comes again replaces its earlier self"
    windows.take([row(0, 2, "a", 1000, Span.COARSE), row(7000, 2, "a", 500, Span.COARSE)])
    assert count(3600) == 1000
    assert count(3 * 3600) == 1500
    windows.forget(now + 7 * 3600)
    assert count(60) == 0


RAMP = Ramp(("canary 1%", "canary 50%", "canary 100%"), 0, 1000.0, 50, 60.0)
FINE, BAD = BudgetJudgement(BudgetVerdict.OK, ()), BudgetJudgement(BudgetVerdict.BREACH, ())
UNSURE = judge(OperationEvidence(tally(100, 2), Tally()), BUDGET)


@pytest.mark.parametrize(
    ("judgement", "samples", "now", "state", "move", "says"),
    [
        (FINE, 50, 1060, RampState.RUNNING, Move.NEXT, "50 samples in 60 s"),
        (FINE, 49, 1060, RampState.RUNNING, Move.STAY, "49 of 50"),
        (FINE, 50, 1059, RampState.RUNNING, Move.STAY, "1 s of this step"),
        (UNSURE, 500, 2000, RampState.RUNNING, Move.STAY, "2 of 100 requests failed"),
        (FINE, 500, 2000, RampState.PAUSED, Move.STAY, "paused"),
        (BAD, 0, 1000, RampState.RUNNING, Move.BACK, ""),
        (BAD, 0, 1000, RampState.PAUSED, Move.BACK, ""),
        (BAD, 500, 2000, RampState.ABORTED, Move.STAY, "aborted"),
    ],
)
def test_a_ramp_goes_on_only_when_all_is_there(
    judgement: BudgetJudgement, samples: int, now: float, state: RampState, move: Move, says: str
) -> None:
    ramp = Ramp.from_json({**RAMP.as_json(), "state": state.value})
    found = next_move(ramp, judgement, samples, now)
    assert found.move is move
    assert says in found.why


def test_the_last_step_ends_in_ported_when_it_is_everybody() -> None:
    last = RAMP.at(2, 1000.0)
    assert next_move(last, FINE, 50, 1060).move is Move.FINISH
    assert end_of(last) == "ported"
    assert end_of(Ramp(steps_of("1,50"), 1, 0, 0, 0)) == "canary 50%"


def test_steps() -> None:
    assert steps_of("shadow, 1,5 ,100%,mirror") == (
        "shadow", "canary 1%", "canary 5%", "canary 100%", "mirror"
    )  # fmt: skip
    for wrong in ("", "5,1", "5,5", "ported,50", "legacy,5", "1,x"):
        with pytest.raises(RampError):
            steps_of(wrong)


def test_which_check_decided_is_told() -> None:
    found = judge(OperationEvidence(tally(100, 50), Tally()), BUDGET)
    decisive = [one.check for one in found.findings if one.verdict is BudgetVerdict.BREACH]
    assert decisive == [Check.ERRORS]
    assert found.as_json()["verdict"] == "breach"
