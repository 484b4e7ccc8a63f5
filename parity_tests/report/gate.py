"""What was different before: the memory that lets a half-ported project be judged by what is new."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path

from parity_core.model import ParityError
from parity_tests.report.document import Document, unclear
from parity_tests.report.exit_code import Exit
from parity_tests.report.save import save as write_file

FORMAT = "parity-baseline/1"
_HINT = "`parity gate REPORT --baseline FILE --update` writes one"


@dataclass(frozen=True)
class Baseline:
    differences: dict[str, Document] = field(default_factory=dict)
    """By key; what each says is for people, only the key counts."""
    covered: frozenset[str] = frozenset()
    waiver_problems: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    """Names of journeys, not what they died of."""


@dataclass(frozen=True)
class GateJudgement:
    """What is new in a report, and what is gone."""

    new: list[str]
    uncovered: list[str]
    waiver_problems: list[str]
    broken: list[str]
    """Journeys that could not be played."""
    unclear: list[str]
    """Requests of which the report can not tell."""
    known: list[str]
    gone: list[str]
    allows_unclear: bool = False

    @property
    def exit(self) -> Exit:
        if self.broken or (self.unclear and not self.allows_unclear):
            return Exit.COULD_NOT_RUN
        red = self.new or self.uncovered or self.waiver_problems
        return Exit.DIFFERENT if red else Exit.SAME


def of_report(report: Document) -> Baseline:
    return Baseline(
        differences={
            key: {
                "operation": kind["operation"],
                "place": kind["place"],
                "statuses": kind["statuses"],
            }
            for key, kind in report["kinds"].items()
            if kind["differences"]
        },
        covered=_covered(report),
        waiver_problems=frozenset(report["waiver_problems"]),
        broken=frozenset(map(_name, report["broken"])),
    )


def judge(report: Document, baseline: Baseline, allows_unclear: bool = False) -> GateJudgement:
    """Differences by key, so neither ids nor order nor how often make one new.

    Operations that lost their coverage count only when the whole was played, and what is gone too.
    """
    now = of_report(report)
    whole = report["complete"]
    return GateJudgement(
        new=[key for key in now.differences if key not in baseline.differences],
        uncovered=sorted(baseline.covered - now.covered) if whole else [],
        waiver_problems=sorted(now.waiver_problems - baseline.waiver_problems),
        broken=[text for text in report["broken"] if _name(text) not in baseline.broken],
        unclear=[unclear(one) for one in report.get("unclear", ())],
        known=[key for key in now.differences if key in baseline.differences],
        gone=[key for key in baseline.differences if key not in now.differences] if whole else [],
        allows_unclear=allows_unclear,
    )


def load(file: Path) -> Baseline:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParityError(f"the baseline can not be read: {error}; {_HINT}") from None
    except ValueError as error:
        raise ParityError(f"{file} is not JSON: {error}; {_HINT}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ParityError(f"{file} is no baseline of this version; {_HINT}")
    if missing := [f"`{name.name}`" for name in fields(Baseline) if name.name not in document]:
        raise ParityError(f"{file} lacks {', '.join(missing)}; {_HINT}")
    return Baseline(
        differences=document["differences"],
        covered=frozenset(document["covered"]),
        waiver_problems=frozenset(document["waiver_problems"]),
        broken=frozenset(document["broken"]),
    )


def save(baseline: Baseline, file: Path) -> None:
    """Sorted, so that a version control system shows what changed and no more."""
    document = {
        "format": FORMAT,
        "differences": dict(
            sorted(
                baseline.differences.items(),
                key=lambda item: (item[1]["operation"], item[1]["place"], item[0]),
            )
        ),
        "covered": sorted(baseline.covered),
        "waiver_problems": sorted(baseline.waiver_problems),
        "broken": sorted(baseline.broken),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    write_file(file, text)


def _covered(report: Document) -> frozenset[str]:
    return frozenset(
        label for label, entry in report["operations"].items() if entry["class"] == "operation"
    )


def _name(text: str) -> str:
    """Of a journey that broke: its message holds paths and ports."""
    return text.partition(":")[0]
