"""What the port may cost, and whether it keeps to that. Pure but for reading the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from parity_core.compare.places import operation_matches
from parity_core.files.read import read_toml
from parity_tests.performance.interval import Interval
from parity_tests.performance.performance_toml import PerformanceFile


class PerformanceVerdict(StrEnum):
    WITHIN = "within"
    SLOWER = "slower"
    STATEMENTS = "too many statements"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"

    @property
    def fails(self) -> bool:
        return self in (
            PerformanceVerdict.SLOWER,
            PerformanceVerdict.STATEMENTS,
            PerformanceVerdict.DIFFERENT,
        )


@dataclass(frozen=True)
class PerformanceBudget:
    ratio: float = 1.5
    """Of the ported time to the legacy's."""
    statements: int | None = None
    """Of one request to the port, at most."""
    extra_statements: int | None = 0
    """More than the legacy's, at most; None: any number."""


@dataclass(frozen=True)
class PerformancePlan:
    """A TOML file: the journeys to play, how often, and the budgets."""

    journeys: Path
    pairs: int
    default: PerformanceBudget
    operations: tuple[tuple[str, PerformanceBudget], ...] = ()

    def budget(self, operation: str) -> PerformanceBudget:
        """Of the last entry whose glob matches."""
        result = self.default
        for glob, budget in self.operations:
            if operation_matches(glob, operation):
                result = budget
        return result


def load(path: Path) -> PerformancePlan:
    """Raises ParityError: one sentence with the file, the line and the key that is wrong."""
    file = read_toml(path, PerformanceFile, "give --budget FILE, see docs/performance.md")
    default = replace(PerformanceBudget(), **file.budget.values)
    return PerformancePlan(
        journeys=path.parent / file.journeys,
        pairs=file.pairs,
        default=default,
        operations=tuple((one.operation, replace(default, **one.values)) for one in file.operation),
    )


def judge(
    budget: PerformanceBudget,
    measured: Interval | None,
    statements: Sequence[float | None],
    different: Mapping[str, int] | None = None,
) -> tuple[PerformanceVerdict, str]:
    """A verdict and why; `statements` of one request to (legacy, ported), None: not counted.

    Slower is only what the whole interval says. One that reaches over the budget says nothing.
    """
    if different:
        return PerformanceVerdict.DIFFERENT, ", ".join(
            f"{times}× {statuses}" for statuses, times in different.items()
        )
    legacy, ported = statements
    if ported is not None:
        if budget.statements is not None and ported > budget.statements:
            return PerformanceVerdict.STATEMENTS, f"{ported:g}, allowed are {budget.statements}"
        allowed = budget.extra_statements
        if allowed is not None and legacy is not None and ported > legacy + allowed:
            return (
                PerformanceVerdict.STATEMENTS,
                f"{ported:g} against {legacy:g}, {allowed} more are allowed",
            )
    if measured is None:
        return PerformanceVerdict.INCONCLUSIVE, "fewer than five pairs"
    if measured.low > budget.ratio:
        return (
            PerformanceVerdict.SLOWER,
            f"at least {measured.low:.2f} times, allowed are {budget.ratio:g}",
        )
    if measured.high > budget.ratio:
        return (
            PerformanceVerdict.INCONCLUSIVE,
            f"the interval reaches over {budget.ratio:g}: more --pairs",
        )
    return PerformanceVerdict.WITHIN, ""
