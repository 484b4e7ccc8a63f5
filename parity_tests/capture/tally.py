"""What a replay adds up: the report that `parity run` makes, bounded, and what the record promised otherwise."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from parity_core.capture.record import Recorded
from parity_core.model import Finding, Pair
from parity_tests.report.results import OperationReport, Report

_KEPT = 20
"""Findings of one operation at one table, header or top field that are kept in full."""
_KEPT_IN_ALL = 400
_OWN = ("skipped", "strangers", "drift", "known", "not_kept", "_kept")


@dataclass
class ReplayTally:
    """Counts everything, keeps a bounded number of examples. `freeze` and `thaw` carry it over an end."""

    report: Report
    skipped: Counter[str] = field(default_factory=Counter)
    drift: Counter[str] = field(default_factory=Counter)
    """Replies of the legacy with another status than recorded, by operation and statuses."""
    strangers: Counter[str] = field(default_factory=Counter)
    """Recorded users whom nobody told, the first of them."""
    known: int = 0
    """Exchanges whose recorded status is known."""
    _kept: Counter[str] = field(default_factory=Counter)
    not_kept: int = 0

    def add(self, pair: Pair, findings: Sequence[Finding], recorded: Recorded | None) -> None:
        kept = [finding for finding in findings if self._is_kept(finding)]
        if recorded is None:
            # the rows of a whole batch: its exchanges are counted one by one
            if not findings:
                self.report.rows_changed += len(pair.legacy.rows)
                return
            self.report.exchanges -= 1
        self.report.add(pair, kept)
        entry = self.report.operations[pair.operation.label]
        # counted all the same, so that no total is smaller than what was found
        for finding in findings:
            if not any(finding is one for one in kept):
                self.not_kept += 1
                if finding.waiver is None:
                    entry.differences += 1
                else:
                    entry.waived += 1
        if recorded is not None and recorded.status is not None:
            self.known += 1
            status = pair.legacy.reply.status
            if status != recorded.status:
                drift = (
                    f"{pair.operation.label}: recorded {recorded.status}, now {status or 'none'}"
                )
                self.drift[drift] += 1

    def skip(self, why: str, stranger: str | None = None) -> None:
        self.skipped[why] += 1
        if stranger and (stranger in self.strangers or len(self.strangers) < _KEPT_IN_ALL):
            self.strangers[stranger] += 1

    def _is_kept(self, finding: Finding) -> bool:
        place = "/".join(finding.difference.place.split("/")[:2])
        label = f"{finding.pair.operation.label} {place} {finding.waiver is None}"
        self._kept[label] += 1
        of_waiver = f"kept {finding.waiver is None}"
        if self._kept[label] > _KEPT or self._kept[of_waiver] >= _KEPT_IN_ALL:
            return False
        self._kept[of_waiver] += 1
        return True

    @property
    def left_out(self) -> float:
        """The share of exchanges that were not replayed."""
        total = self.skipped.total() + self.report.exchanges
        return self.skipped.total() / total if total else 0.0

    @property
    def drifted(self) -> float:
        """The share of replies whose status is not the recorded one."""
        return self.drift.total() / self.known if self.known else 0.0

    def notes(self) -> list[str]:
        lines = []
        for why, count in self.skipped.most_common(10):
            lines.append(f"{count} exchanges were not replayed: {why}")
        if self.strangers:
            most = ", ".join(f"{who} ({n}×)" for who, n in self.strangers.most_common(5))
            more = " and more" if len(self.strangers) > 5 else ""
            lines.append(f"users whom nobody told: {most}{more}")
        if self.drift:
            worst = "; ".join(f"{what} ({count}×)" for what, count in self.drift.most_common(5))
            lines.append(
                f"the legacy answered {self.drift.total()} of {self.known} requests with another status "
                f"than recorded ({self.drifted:.1%}): {worst}"
            )
        if self.not_kept:
            lines.append(
                f"{self.not_kept} further findings are counted in the table and not shown: there are "
                "enough of their kind"
            )
        return lines

    def freeze(self) -> bytes:
        """All but the findings, which `State` keeps one by one."""
        report = self.report
        return pickle.dumps(
            {
                "operations": report.operations,
                "exchanges": report.exchanges,
                "rows_changed": report.rows_changed,
                "replay_seconds": report.replay_seconds,
                "waiting": report.waiting,
                "tally": [getattr(self, name) for name in _OWN],
            }
        )

    def thaw(self, frozen: bytes) -> None:
        """Only of a file that this user's own replay wrote."""
        values: dict[str, Any] = pickle.loads(frozen)
        for name, value in zip(_OWN, values.pop("tally"), strict=True):
            setattr(self, name, value)
        operations: dict[str, OperationReport] = values["operations"]
        assert all(isinstance(one, OperationReport) for one in operations.values())
        for name, value in values.items():
            setattr(self.report, name, value)
