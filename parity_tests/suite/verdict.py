"""What two runs of one suite say about the port. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from parity_tests.report.exit_code import Exit
from parity_tests.suite.events import Double, SuiteOutcome, SuiteRun


class SuiteVerdict(StrEnum):
    PASSED = "passed"
    NO_REQUEST = "passed, asks neither stack"
    SKIPPED = "skipped"
    FAILED_ON_BOTH = "failed on both"
    ONLY_ON_LEGACY = "failed only on the legacy"
    REACHES_INSIDE = "reaches inside the legacy"
    ONLY_ON_PORTED = "failed only on the port"


ABOUT = {
    SuiteVerdict.PASSED: "the port does what the test asks",
    SuiteVerdict.NO_REQUEST: "says nothing about the port: it asks no view of the legacy",
    SuiteVerdict.SKIPPED: "",
    SuiteVerdict.FAILED_ON_BOTH: "the suite is not green here: says nothing about the port",
    SuiteVerdict.ONLY_ON_LEGACY: "the port is better, or the test depends on chance",
    SuiteVerdict.REACHES_INSIDE: "a request used a double that the port can not see: judge by hand",
    SuiteVerdict.ONLY_ON_PORTED: "the port differs",
}


@dataclass(frozen=True)
class Judged:
    """One test, both times."""

    id: str
    verdict: SuiteVerdict
    legacy: SuiteOutcome
    ported: SuiteOutcome
    reaches: tuple[str, ...] = ()
    """Doubles out of the port's sight that a request on the legacy used."""


@dataclass
class SuiteReport:
    target: str
    command: Sequence[str]
    legacy: SuiteRun
    ported: SuiteRun
    tests: list[Judged] = field(default_factory=list)
    strict: bool = False
    """Whether a test that reaches inside counts as one that failed on the port."""

    @property
    def counts(self) -> Counter[SuiteVerdict]:
        return Counter(test.verdict for test in self.tests)

    def of(self, verdict: SuiteVerdict) -> list[Judged]:
        return [test for test in self.tests if test.verdict is verdict]

    @property
    def exit(self) -> Exit:
        bad = {SuiteVerdict.ONLY_ON_PORTED, *([SuiteVerdict.REACHES_INSIDE] if self.strict else [])}
        return Exit.DIFFERENT if bad & self.counts.keys() else Exit.SAME


def compare(legacy: SuiteRun, ported: SuiteRun) -> list[Judged]:
    """Every test of either run, in the order of the first one that knew it."""
    tests = dict.fromkeys([*legacy.outcomes, *ported.outcomes])
    return [
        judge(
            legacy.outcomes.get(test, SuiteOutcome(test)),
            ported.outcomes.get(test, SuiteOutcome(test)),
        )
        for test in tests
    ]


def judge(legacy: SuiteOutcome, ported: SuiteOutcome) -> Judged:
    reaches = reaching(legacy, ported)
    return Judged(legacy.id, _verdict(legacy, ported, reaches), legacy, ported, reaches)


def _verdict(legacy: SuiteOutcome, ported: SuiteOutcome, reaches: Sequence[str]) -> SuiteVerdict:
    if legacy.failed:
        return SuiteVerdict.FAILED_ON_BOTH if ported.failed else SuiteVerdict.ONLY_ON_LEGACY
    # a test that is skipped only now was not done by the port
    if ported.failed or (ported.result == "skipped") > (legacy.result == "skipped"):
        return SuiteVerdict.REACHES_INSIDE if reaches else SuiteVerdict.ONLY_ON_PORTED
    if legacy.result == "skipped":
        return SuiteVerdict.SKIPPED
    return SuiteVerdict.PASSED if legacy.requests and ported.requests else SuiteVerdict.NO_REQUEST


def reaching(legacy: SuiteOutcome, ported: SuiteOutcome) -> tuple[str, ...]:
    """The doubles that decide on the legacy and can not on the port.

    One in the legacy's code that a request used, or of which nobody can tell; one elsewhere (in a
    library, say) that a request of the legacy used and none of the port's.
    """
    used = set(_used(ported))
    names = {
        double.name: None
        for double in _doubles(legacy)
        if (double.inside and double.used is not False) or (double.used and double.name not in used)
    }
    return tuple(names)


def _doubles(outcome: SuiteOutcome) -> list[Double]:
    return [double for request in outcome.requests for double in request.doubles]


def _used(outcome: SuiteOutcome) -> list[str]:
    return [double.name for double in _doubles(outcome) if double.used]
