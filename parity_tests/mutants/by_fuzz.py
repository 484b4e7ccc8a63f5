"""Drawn sequences as a part that finds planted bugs: all operations, until anything differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parity_tests.generate import catalogue as catalogues
from parity_tests.generate.fuzz import FuzzOptions, fuzz_stage
from parity_tests.generate.machine import Enough
from parity_tests.generate.report import Found, FuzzReport, Key
from parity_tests.mutants.ground import Ground
from parity_tests.mutants.model import Mutant, Trial, Verdict
from parity_tests.stage import Stage, replace_ported

BUDGET = 4000
"""Exchanges that one mutant may cost."""


class _Until:
    """Stops at the first difference that the port as it is does not have."""

    def __init__(self, known: set[Key] | None) -> None:
        self.known = known
        """None: nothing stops; an empty set: the first difference does, before it is shrunk."""
        self.exchanges = 0
        self.key: str = ""

    def say(self, text: str) -> None: ...

    def exchange(self, report: FuzzReport) -> None:
        if self.known is None or self.known:
            return
        red = [label for label, seen in report.seen.items() if seen.differences]
        if red:
            self._stop(report.exchanges, ", ".join(red))

    def found(self, found: Found) -> None:
        if self.known is not None and found.key not in self.known:
            self._stop(found.at, str(found.key))

    def _stop(self, exchanges: int, told: str) -> None:
        self.exchanges, self.key = exchanges, told
        raise Enough


class FuzzSeeker:
    def __init__(self, ground: Ground, seed: int, budget: int = BUDGET) -> None:
        self.ground = ground
        self.knowledge = catalogues.load(ground.config.fuzz)
        self.options = FuzzOptions(seed=seed, exchanges=budget, today=ground.today)
        self.made = ground.databases("fuzz")
        self.stage = ground.open(self.made, self.knowledge.profile, "fuzz")
        self.known: set[Key] = set()

    def baseline(self, mutants: Sequence[Mutant]) -> list[str]:
        report = self._draw(self.stage, _Until(None))
        self.known = set(report.found)
        if not self.known:
            return []
        told = "; ".join(map(str, list(self.known)[:3]))
        return [f"fuzzing the port as it is finds {len(self.known)} differences already: {told}"]

    def seek(self, mutant: Mutant, path: Path) -> Trial:
        until = _Until(self.known)
        with replace_ported(self.stage, (path,)) as stage:
            report = self._draw(stage, until)
        if not until.key:
            return Trial(Verdict.MISSED, report.exchanges)
        return Trial(Verdict.FOUND, until.exchanges, seen=[until.key])

    def _draw(self, stage: Stage, until: _Until) -> FuzzReport:
        ground = self.ground
        return fuzz_stage(
            ground.config, self.knowledge, ground.census, stage, self.made.name, self.options, until
        )

    def close(self) -> None:
        self.stage.close()
        self.made.close()
