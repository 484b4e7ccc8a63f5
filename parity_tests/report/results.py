"""What a run has observed and found: the one value that every report is made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from parity_core.model import Finding, Pair, Place, Waiver
from parity_tests.operations import Census
from parity_tests.report.exit_code import Exit
from parity_tests.report.observed import Observation

_SAMPLES = 600


_SAMPLE_BYTES = 20_000
"""A sample with a longer reply is not kept: a run's memory does not grow with its bodies."""


@dataclass
class OperationReport:
    """What was seen of one operation."""

    label: str
    place: Place
    exchanges: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    """Of the legacy: the expectation."""
    differences: int = 0
    waived: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"legacy": 0.0, "ported": 0.0})
    observed: Observation = field(default_factory=Observation)


@dataclass
class Report:
    name: str
    database: str
    census: Census
    operations: dict[str, OperationReport] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    since: dict[str, str] = field(default_factory=dict)
    """By key of a kind of difference: the moment at which an earlier report met it."""
    waivers: list[Waiver] = field(default_factory=list)
    """All that were asked, used or not."""
    waiver_problems: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Journeys that could not be played to their end, and why."""
    unclear: list[Pair] = field(default_factory=list)
    """Of which nothing can be said; each says why. They are neither the same nor different."""
    retried: list[str] = field(default_factory=list)
    """What differed once for a reason that is the machine's, and not when it was played again."""
    notes: list[str] = field(default_factory=list)
    exchanges: int = 0
    rows_changed: int = 0
    journeys: int = 0
    seconds: float = 0.0
    replay_seconds: float = 0.0
    waiting: float = 0.0
    """Of these, seconds in which a stack was at work on a request."""
    complete: bool = True
    """All journeys were asked for and could be played: what is not covered is covered by none."""
    samples: list[Pair] = field(default_factory=list)
    """The first pair of each operation, status and verdict, for reports to show."""
    _sampled: set[tuple[str, str, bool]] = field(default_factory=set, repr=False)

    @property
    def differences(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.waiver is None]

    @property
    def waived(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.waiver is not None]

    @property
    def share(self) -> float:
        """Of the time of replaying, how much a stack was at work; requests side by side count once."""
        return min(1.0, self.waiting / self.replay_seconds) if self.replay_seconds else 0.0

    @property
    def covered(self) -> set[str]:
        return set(self.census.operations) & self.operations.keys()

    @property
    def exit(self) -> Exit:
        if self.broken or self.unclear:
            return Exit.COULD_NOT_RUN
        return Exit.DIFFERENT if self.differences or self.waiver_problems else Exit.SAME

    def add(self, pair: Pair, findings: Sequence[Finding]) -> None:
        label = pair.operation.label
        entry = self.operations.setdefault(label, OperationReport(label, pair.operation.place))
        entry.exchanges += 1
        entry.observed.see(pair)
        entry.statuses[str(pair.legacy.reply.status or "none")] += 1
        for exchange in (pair.legacy, pair.ported):
            entry.seconds[exchange.side] += exchange.ended - exchange.started
        waived = sum(finding.waiver is not None for finding in findings)
        entry.waived += waived
        entry.differences += len(findings) - waived
        self.exchanges += 1
        self.rows_changed += len(pair.legacy.rows)
        self.waiting += pair.waiting
        self.findings.extend(findings)
        if pair.unclear:
            self.unclear.append(pair)
        sample = (label, str(pair.legacy.reply.status), bool(findings))
        if sample not in self._sampled and len(self.samples) < _SAMPLES:
            self._sampled.add(sample)
            if max(len(e.reply.body) for e in (pair.legacy, pair.ported)) <= _SAMPLE_BYTES:
                self.samples.append(pair)
