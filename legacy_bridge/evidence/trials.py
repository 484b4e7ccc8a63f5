"""What is on trial now, and what the evidence says about it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from legacy_bridge.evidence.judge import (
    BudgetJudgement,
    BudgetVerdict,
    OperationEvidence,
    judge_windows,
)
from legacy_bridge.evidence.windows import Windows
from legacy_bridge.modes.budget import Budget, BudgetError, budget_of
from legacy_bridge.modes.decisions import DEFAULT, Decisions
from legacy_bridge.modes.state import NoteKind, Ramp, Stored
from legacy_bridge.operations.operation import Mode, Stack


@dataclass(frozen=True, slots=True)
class OnTrial:
    """One operation that the port has a part in."""

    operation: str
    mode: Mode
    trial: int
    budget: Budget
    short: OperationEvidence
    long: OperationEvidence


@dataclass(frozen=True, slots=True)
class Trial:
    """One subject: an operation, or a group whose operations move together."""

    name: str
    members: tuple[str, ...]
    operations: tuple[OnTrial, ...]
    judgements: Mapping[str, BudgetJudgement]
    samples: int
    ramp: Ramp | None

    @property
    def worst(self) -> str:
        """The operation that decides."""
        order = [BudgetVerdict.BREACH, BudgetVerdict.INCONCLUSIVE, BudgetVerdict.OK]
        return min(self.judgements, key=lambda one: order.index(self.judgements[one].verdict))

    @property
    def judgement(self) -> BudgetJudgement:
        return self.judgements[self.worst]

    @property
    def taken_back(self) -> bool:
        """Whether a breach moves it. What an operator shadows by hand stays: nobody sees the port."""
        if self.judgement.verdict is not BudgetVerdict.BREACH:
            return False
        by_ramp = self.ramp is not None and self.ramp.state.live
        return by_ramp or any(one.mode is not Mode.SHADOW for one in self.operations)

    @property
    def trials(self) -> dict[str, int]:
        return {one.operation: one.trial for one in self.operations}


def budget_for(stored: Stored, operation: str) -> Budget:
    """Defaults, then those of all, of its group, its own."""
    group = stored.group_of.get(operation)
    names = (DEFAULT, *([group] if group else []), operation)
    try:
        return budget_of(
            names, {name: note.value for name, note in stored.of(NoteKind.BUDGET).items()}
        )
    except BudgetError:
        # A newer version has written limits that are unknown here.
        return Budget()


def trials_of(
    decisions: Decisions,
    stored: Stored,
    windows: Windows,
    now: float,
    suspects: Iterable[str] | None = None,
) -> list[Trial]:
    """Every subject with an operation that the port has a part in; none while the switch is on.

    With ``suspects`` (operations) only theirs, and those on a ramp.
    """
    if decisions.killed:
        return []
    by_subject: dict[str, list[OnTrial]] = {}
    group_of, ramps, groups = stored.group_of, stored.ramps, stored.groups
    chosen: set[str] | None = None
    if suspects is not None:
        chosen = {group_of.get(one, one) for one in suspects}
        chosen.update(name for name, ramp in ramps.items() if ramp.state.live)
    for operation, assigned in decisions.modes.items():
        name = str(operation)
        subject = group_of.get(name, name)
        if assigned.mode is Mode.LEGACY or (chosen is not None and subject not in chosen):
            continue
        trial, budget = decisions.trials.get(operation, 0), budget_for(stored, name)
        # What the legacy usually does is known better the longer one looks.
        legacy = windows.sum(name, Stack.LEGACY, budget.long_window, now)
        short, long = (
            OperationEvidence(windows.sum(name, Stack.PORTED, seconds, now, trial=trial), legacy)
            for seconds in (budget.window, budget.long_window)
        )
        by_subject.setdefault(subject, []).append(
            OnTrial(name, assigned.mode, trial, budget, short, long)
        )
    trials = []
    for name, operations in by_subject.items():
        # The short window is written and read more often, so it may know more already.
        samples = sum(max(one.short.ported.samples, one.long.ported.samples) for one in operations)
        judgements = {
            one.operation: judge_windows(one.short, one.long, one.budget, samples=samples)
            for one in operations
        }
        members = groups.get(name, (name,))
        trials.append(Trial(name, members, tuple(operations), judgements, samples, ramps.get(name)))
    return trials


def breach_of(trial: Trial, examples: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What is kept about a rollback."""
    one = next(one for one in trial.operations if one.operation == trial.worst)
    return {
        "mode": one.mode.value,
        "reason": trial.judgement.reason,
        "judgement": trial.judgement.as_json(),
        "budget": one.budget.as_json(),
        "ramp": None if trial.ramp is None else trial.ramp.as_json(),
        "ported": {"short": one.short.ported.figures(), "long": one.long.ported.figures()},
        "legacy": {"short": one.short.legacy.figures(), "long": one.long.legacy.figures()},
        "examples": examples,
    }
