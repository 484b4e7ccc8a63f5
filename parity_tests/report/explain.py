"""Which difference a short ID means. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from parity_core.model import ParityError
from parity_tests.report.document import Document


@dataclass(frozen=True)
class Explanation:
    """One difference with its pair; `others` are the same kind elsewhere."""

    finding: Document
    pair: Document
    beside: list[Document]
    """Other differences of the same pair."""
    others: list[Document]


def explain(report: Document, wanted: str, number: int = 1) -> Explanation:
    """`wanted` is a key or the beginning of one that no other shares; `number` counts from 1."""
    keys = [key for key in report["kinds"] if key.startswith(wanted.lower())]
    if not keys:
        raise ParityError(
            f"no difference `{wanted}` in this report; `parity report REPORT` lists all ids"
        )
    if len(keys) > 1:
        raise ParityError(f"`{wanted}` may be {', '.join(sorted(keys))}: write more of it")
    alike = [one for one in report["details"] if one["key"] == keys[0]]
    if not 1 <= number <= len(alike):
        raise ParityError(f"`{keys[0]}` occurs {len(alike)} times: there is no number {number}")
    finding = alike[number - 1]
    pair = next(one for one in report["pairs"] if one["id"] == finding["pair"])
    beside = [
        one
        for one in report["details"]
        if one["pair"] == finding["pair"] and one["id"] != finding["id"]
    ]
    return Explanation(finding, pair, beside, [one for one in alike if one is not finding])
