"""What two runs of a suite say about the port: the verdicts, each from its outcomes."""

from pathlib import Path

import pytest

from parity_tests.report.exit_code import Exit
from parity_tests.suite.events import (
    Double,
    EventRecorder,
    SuiteOutcome,
    SuiteRequest,
    SuiteRun,
    read,
)
from parity_tests.suite.verdict import SuiteReport, SuiteVerdict, compare, judge


def outcome(result: str, *doubles: Double, asks: bool = True) -> SuiteOutcome:
    requests = [SuiteRequest("GET", "/x", 200, doubles)] if asks else []
    return SuiteOutcome("test", result, requests=requests)


MOCKED = Double("legacy.mail.send", inside=True, used=True)


@pytest.mark.parametrize(
    ("legacy", "ported", "verdict"),
    [
        (outcome("passed"), outcome("passed"), SuiteVerdict.PASSED),
        (outcome("passed"), outcome("failed"), SuiteVerdict.ONLY_ON_PORTED),
        (outcome("xfailed"), outcome("failed"), SuiteVerdict.ONLY_ON_PORTED),
        (outcome("passed"), outcome("skipped"), SuiteVerdict.ONLY_ON_PORTED),
        (outcome("passed"), SuiteOutcome("test"), SuiteVerdict.ONLY_ON_PORTED),
        (outcome("failed"), outcome("failed"), SuiteVerdict.FAILED_ON_BOTH),
        (outcome("failed"), outcome("passed"), SuiteVerdict.ONLY_ON_LEGACY),
        (outcome("skipped"), outcome("skipped"), SuiteVerdict.SKIPPED),
        (outcome("passed", asks=False), outcome("passed", asks=False), SuiteVerdict.NO_REQUEST),
        # the legacy was asked and the port never: the test says nothing about it
        (outcome("passed"), outcome("passed", asks=False), SuiteVerdict.NO_REQUEST),
        (outcome("passed", MOCKED), outcome("failed"), SuiteVerdict.REACHES_INSIDE),
        (outcome("passed", MOCKED), outcome("passed"), SuiteVerdict.PASSED),
        # a mock that no request of the legacy used is no excuse
        (
            outcome("passed", Double("legacy.mail.send", inside=True, used=False)),
            outcome("failed"),
            SuiteVerdict.ONLY_ON_PORTED,
        ),
        # a plain value in the legacy's code does not tell whether it was read
        (
            outcome("passed", Double("legacy.LIMIT", inside=True, used=None)),
            outcome("failed"),
            SuiteVerdict.REACHES_INSIDE,
        ),
        # in a library: the port may see it, if it uses that library
        (
            outcome("passed", Double("requests.get", inside=False, used=True)),
            outcome("failed", Double("requests.get", inside=False, used=False)),
            SuiteVerdict.REACHES_INSIDE,
        ),
        (
            outcome("passed", Double("time.time", inside=False, used=True)),
            outcome("failed", Double("time.time", inside=False, used=True)),
            SuiteVerdict.ONLY_ON_PORTED,
        ),
    ],
)
def test_a_verdict(legacy: SuiteOutcome, ported: SuiteOutcome, verdict: SuiteVerdict) -> None:
    assert judge(legacy, ported).verdict is verdict


def test_only_what_fails_on_the_port_is_a_failure_unless_strict() -> None:
    runs = (SuiteRun({"test": outcome("passed", MOCKED)}), SuiteRun({"test": outcome("failed")}))
    report = SuiteReport("target", ["pytest"], *runs, tests=compare(*runs))
    assert report.exit is Exit.SAME
    strict = SuiteReport("target", ["pytest"], *runs, tests=compare(*runs), strict=True)
    assert strict.exit is Exit.DIFFERENT


def test_the_worst_report_of_a_test_counts_and_requests_are_its_own(tmp_path: Path) -> None:
    recorder = EventRecorder(tmp_path / "events")
    recorder.test = "a"
    for result in ("passed", "failed", "passed"):
        recorder.write("report", result=result, message=result, seconds=0.5)
    recorder.write("request", method="GET", path="/x", status=None, doubles=[vars(MOCKED)])
    recorder.test = ""
    recorder.write("request", method="GET", path="/nobody", status=200, doubles=[])
    run = read(recorder.path)
    assert run.outcomes.keys() == {"a"}
    assert (run.outcomes["a"].result, run.outcomes["a"].message) == ("failed", "failed")
    assert run.outcomes["a"].requests == [SuiteRequest("GET", "/x", None, (MOCKED,))]
