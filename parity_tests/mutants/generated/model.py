"""What became of a generated mutant, by each part that was asked, and all together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from parity_tests.report.exit_code import Exit


class Hunter(StrEnum):
    """What may kill a generated mutant, in the order that costs least."""

    JOURNEYS = "journeys"
    SEED = "seed"
    MATRIX = "matrix"
    FUZZ = "fuzz"
    TESTS = "tests"


class MutantFate(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    NOT_REACHED = "survived: not reached"
    """No request of the part executes the line."""
    TIMED_OUT = "timed out"
    BROKEN = "did not start"
    """It is no Python, can not be imported, or never answers: the comparison had nothing to find."""
    COULD_NOT_RUN = "could not run"

    @property
    def is_survival(self) -> bool:
        return self in (MutantFate.SURVIVED, MutantFate.NOT_REACHED)


EQUIVALENT = "equivalent"
EQUIVALENT_KILLED = "equivalent, but killed"


@dataclass
class MutantAttempt:
    """One part's try. `exchanges` until it was killed, or altogether."""

    fate: MutantFate = MutantFate.SURVIVED
    exchanges: int = 0
    seconds: float = 0.0
    places: list[str] = field(default_factory=list)
    """`journey:step · operation · place` of what differed, the first few."""
    asked: str = ""
    """`3 of 5 journeys`: what was tried, of what reaches it."""
    problem: str = ""


@dataclass
class GeneratedTrial:
    """One mutant with what every part that was asked made of it."""

    id: str
    file: str
    rule: str
    line: int
    attempts: dict[str, MutantAttempt] = field(default_factory=dict)
    diff: str = ""

    @property
    def fate(self) -> MutantFate:
        fates = [attempt.fate for attempt in self.attempts.values()]
        for one in (
            MutantFate.KILLED,
            MutantFate.BROKEN,
            MutantFate.TIMED_OUT,
            MutantFate.COULD_NOT_RUN,
            MutantFate.SURVIVED,
        ):
            if one in fates:
                return one
        return MutantFate.NOT_REACHED

    @property
    def killer(self) -> str:
        return next((n for n, a in self.attempts.items() if a.fate is MutantFate.KILLED), "")


def to_json(trial: GeneratedTrial) -> dict[str, Any]:
    return {**asdict(trial), "fate": trial.fate.value}


def from_json(data: Mapping[str, Any]) -> GeneratedTrial:
    attempts = {
        name: MutantAttempt(**{**attempt, "fate": MutantFate(attempt["fate"])})
        for name, attempt in data["attempts"].items()
    }
    return GeneratedTrial(
        data["id"], data["file"], data["rule"], data["line"], attempts, data.get("diff", "")
    )


@dataclass
class Sampled:
    """A run over a sample."""

    database: str
    seed: int
    hunters: tuple[Hunter, ...]
    population: int
    trials: list[GeneratedTrial] = field(default_factory=list)
    equivalent: Mapping[str, str] = field(default_factory=dict)
    """Id → reason, of all that are marked."""
    vanished: list[str] = field(default_factory=list)
    """Marked as equivalent, but no mutant has this id any more."""
    notes: list[str] = field(default_factory=list)

    def verdict(self, trial: GeneratedTrial) -> str:
        if trial.id in self.equivalent:
            return EQUIVALENT_KILLED if trial.fate is MutantFate.KILLED else EQUIVALENT
        return trial.fate.value

    @property
    def counted(self) -> list[GeneratedTrial]:
        """Mutants that are bugs and that ran: what a rate is of."""
        return [
            trial
            for trial in self.trials
            if trial.id not in self.equivalent
            and (trial.fate is MutantFate.KILLED or trial.fate.is_survival)
        ]

    @property
    def killed(self) -> int:
        return sum(trial.fate is MutantFate.KILLED for trial in self.counted)

    @property
    def survivors(self) -> list[GeneratedTrial]:
        return [trial for trial in self.counted if trial.fate.is_survival]

    def tally(self) -> Counter[str]:
        return Counter(map(self.verdict, self.trials))

    def by_hunter(self) -> Counter[str]:
        return Counter(trial.killer for trial in self.counted if trial.killer)

    @property
    def exit(self) -> Exit:
        fates = {trial.fate for trial in self.trials if trial.id not in self.equivalent}
        if MutantFate.COULD_NOT_RUN in fates:
            return Exit.COULD_NOT_RUN
        wrong = self.survivors or self.vanished or EQUIVALENT_KILLED in self.tally()
        return Exit.DIFFERENT if wrong or MutantFate.TIMED_OUT in fates else Exit.SAME


def chosen(by: Iterable[str]) -> tuple[Hunter, ...]:
    names = set(by)
    return tuple(one for one in Hunter if "all" in names or one.value in names)
