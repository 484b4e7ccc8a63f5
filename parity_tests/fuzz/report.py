"""What a fuzz run saw and found, as values; rendering them is fuzz_terminal's and fuzz_json's work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parity_core.model import Finding, Pair, Place
from parity_tests.fuzz.branches import UnreachedReport
from parity_tests.fuzz.outcomes import OutcomeVerdict
from parity_tests.journeys.model import Step
from parity_tests.report.exit_code import Exit


@dataclass(frozen=True)
class FindingKey:
    """What makes two differences the same one: operation, both statuses, the first place."""

    operation: str
    statuses: tuple[int | None, int | None]
    place: str
    clients: int = 1
    """Requests that were sent at once."""

    def __str__(self) -> str:
        legacy, ported = self.statuses
        statuses = f"{legacy}" if legacy == ported else f"{legacy} against {ported}"
        at_once = f", {self.clients} clients at once" if self.clients > 1 else ""
        return f"{self.operation} · {self.place} ({statuses}{at_once})"


def key(pair: Pair, findings: Sequence[Finding], clients: int = 1) -> FindingKey | None:
    """Of the differences that no waiver accepts; None when there are none."""
    place = next((f.difference.place for f in findings if f.waiver is None), None)
    if place is None:
        return None
    statuses = pair.legacy.reply.status, pair.ported.reply.status
    short = re.sub(r"/[^/]*\d[^/]*", "/*", place)
    return FindingKey(pair.operation.label, statuses, short, clients)


@dataclass
class FuzzedOperation:
    """One operation's exchanges, by what the legacy answered."""

    exchanges: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    differences: int = 0
    waived: int = 0
    first: Finding | None = None
    """Of those that no waiver accepts."""

    def add(self, pair: Pair, findings: Sequence[Finding]) -> None:
        self.exchanges += 1
        status = pair.legacy.reply.status
        self.classes[f"{status // 100}xx" if status else "none"] += 1
        waived = sum(finding.waiver is not None for finding in findings)
        self.waived += bool(waived)
        self.differences += len(findings) > waived
        if self.first is None:
            self.first = next((one for one in findings if one.waiver is None), None)


@dataclass
class FuzzFinding:
    """A difference, with the shortest sequence that shows it."""

    key: FindingKey
    findings: list[Finding]
    steps: tuple[Step, ...]
    drawn: int
    """Steps of the sequence that it was found in."""
    at: int
    """Exchanges played until then."""
    replays: int = 0
    seconds: float = 0.0
    reproduced: bool = True
    times: int = 1
    journey: str = ""
    text: str = ""
    saved: Path | None = None


@dataclass
class FuzzReport:
    name: str
    database: str
    seed: int
    operations: tuple[str, ...]
    """Those that were drawn from."""
    by_operation: dict[str, FuzzedOperation] = field(default_factory=dict)
    findings: dict[FindingKey, FuzzFinding] = field(default_factory=dict)
    exchanges: int = 0
    scenes: int = 0
    waived: int = 0
    seconds: float = 0.0
    """Of playing, without starting and shrinking."""
    waiting: float = 0.0
    """Of these, seconds in which a stack was at work on a request."""
    shrinking: float = 0.0
    notes: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    """What can neither be called the same nor different."""
    guided: bool = False
    """Whether the port's branches decided what was drawn."""
    reached: UnreachedReport | None = None
    """What of the port was, when that was recorded."""
    at_once: int = 0
    """Groups of requests that were sent at the same time."""

    @property
    def exit(self) -> Exit:
        if any(fuzz_finding.reproduced for fuzz_finding in self.findings.values()):
            return Exit.DIFFERENT
        # what was seen once, and not when it was played again, is neither
        return Exit.COULD_NOT_RUN if self.findings or self.unclear else Exit.SAME

    @property
    def rate(self) -> float:
        return self.exchanges / self.seconds if self.seconds else 0.0

    def add(self, pair: Pair, findings: Sequence[Finding]) -> None:
        label = pair.operation.label if pair.operation.place is Place.OPERATION else "(others)"
        self.by_operation.setdefault(label, FuzzedOperation()).add(pair, findings)
        self.exchanges += 1
        self.waived += any(finding.waiver is not None for finding in findings)
        self.waiting += pair.waiting

    def lacking(self, kind: str) -> list[str]:
        """Operations of which no reply was of this class: `2xx`, `4xx`."""
        return [
            label
            for label in self.operations
            if not (label in self.by_operation and self.by_operation[label].classes[kind])
        ]


def add_outcome(report: FuzzReport, verdict: OutcomeVerdict, steps: int) -> None:
    """Counts what several clients at once were answered: each request as often as it was sent."""
    report.at_once += 1
    pairs = verdict.pairs
    if verdict.unclear:
        where = " + ".join(pair.operation.label for pair in pairs)
        report.unclear.append(f"{where} at once, after {steps} requests: {verdict.unclear}")
    for turn in range(verdict.sent // max(1, len(pairs)), 0, -1):
        for number, pair in enumerate(pairs):
            # what both left behind is told of the first
            mine = [
                one
                for one in verdict.findings
                if one.pair is pair or (number == 0 and one.pair not in pairs)
            ]
            report.add(pair, mine if turn == 1 else [])
