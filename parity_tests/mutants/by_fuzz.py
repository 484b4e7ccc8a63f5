"""Drawn sequences as a part that finds planted bugs: until anything differs that should not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from parity_tests.fuzz import catalogue as catalogues
from parity_tests.fuzz.catalogue import USUAL
from parity_tests.fuzz.machine import Enough
from parity_tests.fuzz.report import FuzzFinding, FuzzReport
from parity_tests.fuzz.use_case import FuzzOptions, fuzz_stage
from parity_tests.mutants.ground import Ground
from parity_tests.mutants.model import Mutant, MutantTrial, MutantVerdict
from parity_tests.stage.stage import Stage, replace_ported

BUDGET = 2000
"""Exchanges that one mutant may cost under the usual profile."""
_REST = 4
"""What part of that it may cost under each of the others."""
_TRIES = 3
"""Draws of the same requests, of which some may be disturbed by what else the machine does."""


@dataclass
class _UntilRed:
    """Stops at the first difference, before it is shrunk."""

    exchanges: int = 0
    summary: str = ""
    is_race: bool = False
    """Whether it takes several clients at once: which of them are met in it is chance."""

    def message(self, text: str) -> None: ...
    def finding(self, fuzz_finding: FuzzFinding) -> None: ...

    def exchange(self, report: FuzzReport) -> None:
        self.exchanges = report.exchanges
        red = [(label, asked.first) for label, asked in report.by_operation.items() if asked.first]
        if red:
            self.summary = ", ".join(f"{label} · {one.difference.place}" for label, one in red)
            self.is_race = any(one.pair.clients > 1 for _, one in red)
            raise Enough


class FuzzSeeker:
    def __init__(self, ground: Ground, seed: int, budget: int = BUDGET, aim: bool = False) -> None:
        self.ground = ground
        self.aim = aim
        self.knowledge = catalogues.load(ground.config.fuzz)
        self.budget = budget
        self.options = FuzzOptions(seed=seed, today=ground.today)
        self.made = ground.databases("fuzz")
        self.stages: dict[str, Stage] = {}
        self.drawn_from: Callable[[Mutant], tuple[str, ...]] = self._resource
        """Globs of the operations that are drawn for a mutant; none: all of them."""
        self.clean: dict[tuple[str, ...], int] = {}
        """By profile and what is drawn from: so many exchanges are known to be green without any mutant."""

    def stage(self, profile: str) -> Stage:
        if profile not in self.stages:
            settings = self.knowledge.profiles[profile]
            name = f"fuzz{len(self.stages)}"
            self.stages[profile] = self.ground.open(self.made, settings, name)
        return self.stages[profile]

    def baseline(self, mutants: Sequence[Mutant]) -> list[str]:
        # what is found is looked for again without the mutant: the same seed draws the same requests
        return []

    def seek(self, mutant: Mutant, path: Path) -> MutantTrial:
        trial = MutantTrial()
        for number, profile in enumerate(self.knowledge.profiles):
            # what is set up otherwise is the rarer reason
            budget = self.budget // _REST if number else self.budget
            self._seek(mutant, path, profile, budget, trial)
            if trial.verdict is not MutantVerdict.MISSED:
                break
        return trial

    def _seek(
        self, mutant: Mutant, path: Path, profile: str, budget: int, trial: MutantTrial
    ) -> None:
        """Draws under one profile; what it costs and finds is added to the trial."""
        usual = self.stage(profile)
        options = replace(
            self.options, operations=self.drawn_from(mutant), profile=profile, exchanges=budget
        )
        with replace_ported(usual, (path,)) as stage:
            red = self._confirmed(stage, options)
        trial.exchanges += red.exchanges
        if not red.summary:
            return
        known = profile, *options.operations
        if self.clean.get(known, 0) < red.exchanges and not self._is_clean(
            usual, options, red, trial
        ):
            return
        self.clean[known] = max(self.clean.get(known, 0), red.exchanges)
        trial.verdict = MutantVerdict.DETECTED
        trial.places = [red.summary if profile == USUAL else f"{red.summary} (profile {profile})"]

    def _confirmed(self, stage: Stage, options: FuzzOptions) -> _UntilRed:
        """The first red that the same request shows again; what does not was noise, and proves nothing."""
        for _ in range(_TRIES):
            red = self._draw(stage, options)
            if not red.summary:
                break
            again = self._draw(stage, replace(options, exchanges=red.exchanges))
            is_same = again.exchanges == red.exchanges or (red.is_race and again.is_race)
            if again.summary and is_same:
                return red
        return _UntilRed(red.exchanges)

    def _is_clean(
        self, usual: Stage, options: FuzzOptions, red: _UntilRed, trial: MutantTrial
    ) -> bool:
        """Whether the same requests are green without the mutant; once more when they are not."""
        for _ in range(_TRIES):
            without = self._draw(usual, replace(options, exchanges=red.exchanges))
            if not without.summary:
                return True
        trial.verdict = MutantVerdict.BROKEN
        trial.problem = (
            f"red without the mutant too: {without.summary}, {without.exchanges} exchanges"
        )
        return False

    def _resource(self, mutant: Mutant) -> tuple[str, ...]:
        if not self.aim:
            return ()
        rule = mutant.operation.partition(" ")[2]
        return (f"* /{rule.strip('/').partition('/')[0]}/*",)

    def _draw(self, stage: Stage, options: FuzzOptions) -> _UntilRed:
        ground, until = self.ground, _UntilRed()
        fuzz_stage(
            ground.config, self.knowledge, ground.census, stage, self.made.name, options, until
        )
        return until

    def close(self) -> None:
        for stage in self.stages.values():
            stage.close()
        self.made.close()
