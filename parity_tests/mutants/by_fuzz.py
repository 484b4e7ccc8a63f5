"""Drawn sequences as a part that finds planted bugs: until anything differs that should not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from parity_tests.generate import catalogue as catalogues
from parity_tests.generate.fuzz import FuzzOptions, fuzz_stage
from parity_tests.generate.machine import Enough
from parity_tests.generate.report import Found, FuzzReport
from parity_tests.mutants.ground import Ground
from parity_tests.mutants.model import Mutant, Trial, Verdict
from parity_tests.stage import Stage, replace_ported

BUDGET = 2000
"""Exchanges that one mutant may cost."""


@dataclass
class _UntilRed:
    """Stops at the first difference, before it is shrunk."""

    exchanges: int = 0
    told: str = ""

    def say(self, text: str) -> None: ...
    def found(self, found: Found) -> None: ...

    def exchange(self, report: FuzzReport) -> None:
        self.exchanges = report.exchanges
        red = [label for label, seen in report.seen.items() if seen.differences]
        if red:
            self.told = ", ".join(red)
            raise Enough


class FuzzSeeker:
    def __init__(self, ground: Ground, seed: int, budget: int = BUDGET, aim: bool = False) -> None:
        self.ground = ground
        self.aim = aim
        self.knowledge = catalogues.load(ground.config.fuzz)
        self.options = FuzzOptions(seed=seed, exchanges=budget, today=ground.today)
        self.made = ground.databases("fuzz")
        self.stage = ground.open(self.made, self.knowledge.profile, "fuzz")
        self.clean: dict[tuple[str, ...], int] = {}
        """By what is drawn from: as many exchanges are known to be green without any mutant."""

    def baseline(self, mutants: Sequence[Mutant]) -> list[str]:
        # what is found is looked for again without the mutant: the same seed draws the same requests
        return []

    def seek(self, mutant: Mutant, path: Path) -> Trial:
        options = replace(self.options, operations=self._drawn_from(mutant))
        with replace_ported(self.stage, (path,)) as stage:
            red = self._draw(stage, options)
        if not red.told:
            return Trial(Verdict.MISSED, red.exchanges)
        if self.clean.get(options.operations, 0) < red.exchanges:
            again = self._draw(self.stage, replace(options, exchanges=red.exchanges))
            if again.told:
                problem = f"red without the mutant too: {again.told}, {again.exchanges} exchanges"
                return Trial(Verdict.BROKEN, red.exchanges, problem=problem)
            self.clean[options.operations] = red.exchanges
        return Trial(Verdict.FOUND, red.exchanges, seen=[red.told])

    def _drawn_from(self, mutant: Mutant) -> tuple[str, ...]:
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
        self.stage.close()
        self.made.close()
