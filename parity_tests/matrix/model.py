"""The words of the matrix: a plan of requests, cells with a verdict, a report. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from pathlib import Path

from parity_core.model import Finding
from parity_tests.config import User
from parity_tests.journeys.model import Profile, Step
from parity_tests.report.exit_code import Exit


class Whose(StrEnum):
    """Whose object a request names: of the one who asks, of another, or nobody's."""

    OWN = "own"
    OTHER = "other"
    NOBODY = ""


class CellVerdict(StrEnum):
    SAME = "same"
    WAIVED = "waived"
    DIFFERENT = "different"
    LETS_IN = "lets in"
    """The port lets in whom the legacy keeps out: no waiver covers that."""
    UNCLEAR = "could not tell"
    """It was not the same twice, or there was no reply."""


@dataclass(frozen=True)
class MatrixPlan:
    path: Path
    services: tuple[str, ...]
    settings: Mapping[str, tuple[str, ...]]
    """By variable, the usual value first."""
    users: tuple[User, ...]
    """Beside those of the configuration; `prepare` makes them."""
    columns: Mapping[str, str | None]
    """Who asks, by the word for the table's head; None is nobody."""
    stranger: str
    """Who owns what is another's."""
    prepare: tuple[Step, ...]
    objects: tuple[Step, ...]
    finish: tuple[Step, ...]
    sql: str
    """Run on what was prepared: for what the API can't say."""
    each_setting: tuple[Step, ...]
    lets_in: Mapping[str, frozenset[int]]
    """By operation: statuses from 400 on which mean that the guard was passed."""
    requests: Mapping[str, Step]
    """By operation."""

    @property
    def owners(self) -> tuple[str, ...]:
        asking = [user for user in self.columns.values() if user is not None]
        return tuple(dict.fromkeys([*asking, self.stranger]))

    def profiles(self) -> list[Profile]:
        """Every combination of the settings, the usual one first."""
        pairs = [[(name, value) for value in values] for name, values in self.settings.items()]
        return [
            Profile(tuple(sorted(chosen)), tuple(sorted(self.services)))
            for chosen in product(*pairs)
        ]


@dataclass(frozen=True)
class Cell:
    operation: str
    setting: str
    column: str
    whose: Whose
    legacy: int | None
    ported: int | None
    verdict: CellVerdict
    why: str = ""
    """Of `lets in`: what was let in; of `could not tell`: why not."""
    findings: Sequence[Finding] = ()

    def __str__(self) -> str:
        what = {Whose.OWN: " its own object", Whose.OTHER: " another's object"}.get(self.whose, "")
        return f"{self.operation} asked by {self.column}{' for' + what if what else ''} ({self.setting})"


@dataclass
class MatrixReport:
    name: str
    database: str
    columns: tuple[str, ...]
    settings: tuple[str, ...] = ()
    cells: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waiver_problems: list[str] = field(default_factory=list)
    operations_total: int = 0
    seconds: float = 0.0
    asking_seconds: float = 0.0

    def of(self, *verdicts: CellVerdict) -> list[Cell]:
        return [cell for cell in self.cells if cell.verdict in verdicts]

    @property
    def operations(self) -> list[str]:
        return list(dict.fromkeys(cell.operation for cell in self.cells))

    @property
    def exit(self) -> Exit:
        bad = self.of(CellVerdict.DIFFERENT, CellVerdict.LETS_IN) or self.waiver_problems
        if bad:
            return Exit.DIFFERENT
        return Exit.COULD_NOT_RUN if self.of(CellVerdict.UNCLEAR) else Exit.SAME
