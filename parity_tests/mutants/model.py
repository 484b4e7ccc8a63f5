"""A planted bug, what each part made of it, and what that comes to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from parity_tests.report.exit_code import Exit


class Part(StrEnum):
    """What may find a bug."""

    JOURNEYS = "journeys"
    FUZZ = "fuzz"
    MATRIX = "matrix"


@dataclass(frozen=True)
class Mutant:
    id: str
    about: str
    file: str
    """As the ported package's own folder is called in a source tree: `shop/prices.py`."""
    find: str
    replace: str
    operation: str
    place: str
    journeys: tuple[str, ...]
    kind: str = ""
    """The sort of mistake: `wrong default`, `lost permission`, …"""
    equivalent: bool = False
    """It changes nothing that a client can see: whoever finds it is wrong."""
    group: str = ""
    """Those of a group are planted only when it is named."""


class MutantVerdict(StrEnum):
    DETECTED = "found"
    ELSEWHERE = "red, but not there"
    MISSED = "missed"
    NOT_ASKED = "not asked"
    """The part has no request for the operation."""
    BROKEN = "did not run"

    @property
    def is_red(self) -> bool:
        return self in (MutantVerdict.DETECTED, MutantVerdict.ELSEWHERE)


@dataclass
class MutantTrial:
    """What one part made of one mutant."""

    verdict: MutantVerdict = MutantVerdict.MISSED
    exchanges: int = 0
    """Requests until it was found, or altogether."""
    seconds: float = 0.0
    places: list[str] = field(default_factory=list)
    """`operation · place` of what turned red, the first few."""
    problem: str = ""


@dataclass
class MutantOutcome:
    mutant: Mutant
    trials: dict[Part, MutantTrial] = field(default_factory=dict)

    @property
    def is_found(self) -> bool:
        return any(trial.verdict is MutantVerdict.DETECTED for trial in self.trials.values())

    @property
    def is_broken(self) -> bool:
        return not self.is_found and any(
            trial.verdict is MutantVerdict.BROKEN for trial in self.trials.values()
        )

    @property
    def is_as_it_should_be(self) -> bool:
        if self.mutant.equivalent:
            return not any(trial.verdict.is_red for trial in self.trials.values())
        return self.is_found

    @property
    def verdict(self) -> str:
        if self.is_broken:
            return MutantVerdict.BROKEN
        if self.mutant.equivalent:
            return "equivalent, left alone" if self.is_as_it_should_be else "equivalent, but red"
        if self.is_found:
            return MutantVerdict.DETECTED
        verdicts = [trial.verdict for trial in self.trials.values()]
        return (
            MutantVerdict.ELSEWHERE if MutantVerdict.ELSEWHERE in verdicts else MutantVerdict.MISSED
        )


@dataclass
class Result:
    parts: tuple[Part, ...] = (Part.JOURNEYS,)
    outcomes: list[MutantOutcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def real(self) -> list[MutantOutcome]:
        """Mutants that are bugs."""
        return [outcome for outcome in self.outcomes if not outcome.mutant.equivalent]

    @property
    def detected(self) -> int:
        return sum(outcome.is_found for outcome in self.real)

    @property
    def equivalents_found(self) -> list[str]:
        return [
            outcome.mutant.id
            for outcome in self.outcomes
            if outcome.mutant.equivalent and not outcome.is_as_it_should_be
        ]

    def found_by(self, part: Part) -> list[MutantTrial]:
        trials = [outcome.trials.get(part) for outcome in self.real]
        return [trial for trial in trials if trial and trial.verdict is MutantVerdict.DETECTED]

    @property
    def exit(self) -> Exit:
        if any(outcome.is_broken for outcome in self.outcomes):
            return Exit.COULD_NOT_RUN
        good = all(outcome.is_as_it_should_be for outcome in self.outcomes)
        return Exit.SAME if good else Exit.DIFFERENT


def chosen(by: Sequence[str]) -> tuple[Part, ...]:
    """Parts in the order that costs least; `all` is all of them."""
    return tuple(part for part in Part if "all" in by or part.value in by)
