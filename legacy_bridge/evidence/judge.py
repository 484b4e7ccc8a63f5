"""Whether the evidence speaks for an operation, against it, or not yet. Pure.

A rate is only broken when chance is no explanation: the lower end of what the true rate may be (Wilson,
95 %) must lie above the limit, and for latencies the same of percentiles. So three failures out of three are enough, and one out of twenty is not;
what looks bad and may be chance is inconclusive, which goes neither forward nor back.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from legacy_bridge.evidence.tally import Tally, total
from legacy_bridge.modes.budget import Budget


class BudgetVerdict(StrEnum):
    OK = "ok"
    INCONCLUSIVE = "inconclusive"
    BREACH = "breach"


class Check(StrEnum):
    """What a budget limits."""

    SAMPLES = "samples"
    ERRORS = "errors"
    DIFFERENCES = "differences"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class OperationEvidence:
    """What both stacks have shown in one window, on all replicas."""

    ported: Tally
    """Of this trial."""
    legacy: Tally
    """Of any trial: the legacy does not change when a mode does."""


@dataclass(frozen=True, slots=True)
class BudgetFinding:
    check: Check
    verdict: BudgetVerdict
    text: str


@dataclass(frozen=True, slots=True)
class BudgetJudgement:
    verdict: BudgetVerdict
    findings: tuple[BudgetFinding, ...]

    @property
    def reason(self) -> str:
        """What decided, in words."""
        decisive = [one.text for one in self.findings if one.verdict is self.verdict]
        return "; ".join(decisive)

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "findings": [
                {"check": one.check.value, "verdict": one.verdict.value, "text": one.text}
                for one in self.findings
            ],
        }


def judge(
    evidence: OperationEvidence, budget: Budget, *, samples: int | None = None
) -> BudgetJudgement:
    """`samples` are those of the whole group an operation belongs to; without one, its own."""
    findings = (
        _samples(evidence.ported.samples if samples is None else samples, budget),
        _errors(evidence, budget),
        _differences(evidence.ported, budget),
        _latency(evidence, budget),
    )
    return BudgetJudgement(_worst(one.verdict for one in findings), findings)


def judge_windows(
    short: OperationEvidence, long: OperationEvidence, budget: Budget, *, samples: int
) -> BudgetJudgement:
    """Trouble in either window counts; that all is well, only the long one can say."""
    recent = judge(short, budget, samples=samples)
    if recent.verdict is BudgetVerdict.BREACH:
        return recent
    return judge(long, budget, samples=samples)


def judge_group(judgements: Iterable[BudgetJudgement]) -> BudgetVerdict:
    return _worst(one.verdict for one in judgements)


def samples_of(tallies: Iterable[Tally]) -> int:
    return total(tallies).samples


def wilson_low(hits: int, count: int) -> float:
    """The lower end of a rate's 95 % interval."""
    if count == 0:
        return 0.0
    z = 1.96
    rate = hits / count
    middle = rate + z * z / (2 * count)
    spread = z * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    return max(0.0, (middle - spread) / (1 + z * z / count))


def _worst(verdicts: Iterable[BudgetVerdict]) -> BudgetVerdict:
    present = set(verdicts)
    for verdict in (BudgetVerdict.BREACH, BudgetVerdict.INCONCLUSIVE):
        if verdict in present:
            return verdict
    return BudgetVerdict.OK


def _samples(count: int, budget: Budget) -> BudgetFinding:
    enough = count >= budget.samples
    return BudgetFinding(
        Check.SAMPLES,
        BudgetVerdict.OK if enough else BudgetVerdict.INCONCLUSIVE,
        f"{count} replies of the port" + ("" if enough else f", {budget.samples} are needed"),
    )


def _errors(evidence: OperationEvidence, budget: Budget) -> BudgetFinding:
    ported, legacy = evidence.ported, evidence.legacy
    usual = legacy.failures / legacy.samples if legacy.samples >= budget.samples else 0.0
    return _rate(
        Check.ERRORS,
        ported.failures,
        ported.samples,
        usual + budget.errors,
        budget,
        f"{ported.failures} of {ported.samples} requests failed in the port, "
        f"allowed are {usual + budget.errors:.2%}",
    )


def _differences(ported: Tally, budget: Budget) -> BudgetFinding:
    text = f"{ported.different} of {ported.compared} pairs differ, allowed are {budget.differences:.2%}"
    judgement = _rate(
        Check.DIFFERENCES, ported.different, ported.compared, budget.differences, budget, text
    )
    if judgement.verdict is BudgetVerdict.OK and ported.compared < budget.compared:
        return BudgetFinding(
            Check.DIFFERENCES,
            BudgetVerdict.INCONCLUSIVE,
            f"{ported.compared} pairs compared, {budget.compared} are needed",
        )
    return judgement


def _rate(
    check: Check, hits: int, count: int, allowed: float, budget: Budget, text: str
) -> BudgetFinding:
    verdict = BudgetVerdict.OK
    if count and hits / count > allowed:
        proven = hits >= budget.fewest and wilson_low(hits, count) > allowed
        verdict = BudgetVerdict.BREACH if proven else BudgetVerdict.INCONCLUSIVE
    return BudgetFinding(check, verdict, text)


def _latency(evidence: OperationEvidence, budget: Budget) -> BudgetFinding:
    ported, legacy = evidence.ported, evidence.legacy
    if not budget.latency_ratio:
        return BudgetFinding(Check.LATENCY, BudgetVerdict.OK, "latency is not judged")
    if ported.samples < budget.samples:
        # Whether that is too few is said once, by the samples.
        return BudgetFinding(Check.LATENCY, BudgetVerdict.OK, "too few replies to judge latency")
    slow = ported.percentile(0.95)
    if slow is None or slow * 1000 < budget.latency_floor_ms:
        return BudgetFinding(
            Check.LATENCY,
            BudgetVerdict.OK,
            f"the port is faster than {budget.latency_floor_ms:g} ms",
        )
    if legacy.samples < budget.samples:
        return BudgetFinding(
            Check.LATENCY,
            BudgetVerdict.INCONCLUSIVE,
            f"{legacy.samples} replies of the legacy to compare latency with, "
            f"{budget.samples} are needed",
        )
    return _ratios(ported, legacy, budget)


def _ratios(ported: Tally, legacy: Tally, budget: Budget) -> BudgetFinding:
    texts, verdict = [], BudgetVerdict.OK
    for name, share, limit in (
        ("median", 0.5, budget.latency_ratio),
        ("95th percentile", 0.95, budget.latency_ratio_p95),
    ):
        mine, theirs = _at(ported, share), _at(legacy, share)
        texts.append(f"{name} {mine * 1000:.0f} ms, {mine / theirs:.2f} of the legacy's")
        if not limit or mine / theirs <= limit or mine * 1000 <= budget.latency_floor_ms:
            continue
        least = _at(ported, share - _doubt(share, ported.samples))
        most = _at(legacy, share + _doubt(share, legacy.samples))
        latency_verdict = (
            BudgetVerdict.BREACH if least / most > limit else BudgetVerdict.INCONCLUSIVE
        )
        verdict = _worst((verdict, latency_verdict))
    limits = f"allowed are {budget.latency_ratio:g} and {budget.latency_ratio_p95:g}"
    return BudgetFinding(Check.LATENCY, verdict, f"{', '.join(texts)}; {limits}")


def _at(tally: Tally, share: float) -> float:
    milliseconds = tally.percentile(share)
    assert milliseconds is not None
    return milliseconds


def _doubt(share: float, count: int) -> float:
    """How far off a percentile of so many samples may be, as a share: half of the 95 % interval."""
    return min(1.96 * math.sqrt(share * (1 - share) / count), share, 1 - share)
