"""The one sentence of a report. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from parity_tests.report.document import Document
from parity_tests.report.exit_code import Exit


@dataclass(frozen=True)
class ReportVerdict:
    exit: Exit
    words: str
    mark: str


def verdict(report: Document) -> ReportVerdict:
    code = Exit(report["exit"])
    if code is Exit.COULD_NOT_RUN and not report["broken"]:
        unclear = report.get("unclear", ())
        return ReportVerdict(code, f"could not tell of {_count(len(unclear), 'request')}", "💥")
    if code is Exit.COULD_NOT_RUN:
        return ReportVerdict(
            code, f"{_count(len(report['broken']), 'journey')} could not be played", "💥"
        )
    if code is Exit.SAME:
        return ReportVerdict(code, "same", "✅")
    if report["differences"]:
        return ReportVerdict(code, _count(report["differences"], "difference"), "❌")
    return ReportVerdict(code, _count(len(report["waiver_problems"]), "waiver problem"), "❌")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
