"""The seed of the port, made by commands that run a generated mutant, and compared with the legacy's."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from parity_core.model import Finding, ParityError
from parity_tests.mutants.generated.make import Generated
from parity_tests.mutants.generated.model import MutantAttempt, MutantFate
from parity_tests.mutants.ground import Ground
from parity_tests.reach.process import collected, recorded_seed
from parity_tests.run.first import judge, legacy_seed

_PLACES = 6
FAILED = "the seed commands fail"
ASKED = "the seed, made by the mutant's commands"


class SeedHunter:
    """Judges provisioning: what the port's own command line writes before any request is sent."""

    def __init__(self, ground: Ground, source: Path) -> None:
        self.ground = ground
        folder = Path(tempfile.mkdtemp(prefix="seed-", dir=ground.folder))
        self.made = ground.databases("seed", recorded_seed(ground.config, source, folder))
        self.lines = {name: set(file.lines) for name, file in collected(folder, source).items()}
        """By file: what the commands execute, also what they only import."""
        self.legacy = legacy_seed(ground.config, self.made)
        self.before = {one.difference.place for one in self._findings(self.made.seed_url, None)}

    def is_reached(self, mutant: Generated) -> bool:
        own = range(mutant.lines[0], mutant.lines[1] + 1)
        return not self.lines.get(mutant.file, set()).isdisjoint(own)

    def hunt(self, mutant: Generated, path: Path) -> MutantAttempt:
        attempt = MutantAttempt(asked=ASKED)
        if not self.is_reached(mutant):
            attempt.fate, attempt.asked = MutantFate.NOT_REACHED, ""
            return attempt
        first, problem = self._try(path)
        if not first:
            return attempt
        # what a second seed does not show was the machine's doing
        again, _ = self._try(path)
        if both := [place for place in first if place in again]:
            attempt.fate, attempt.places = MutantFate.KILLED, both[:_PLACES]
            attempt.problem = problem
        return attempt

    def _try(self, path: Path) -> tuple[list[str], str]:
        """Places that differ; or that the commands fail, with the end of what they wrote."""
        config = self.ground.config
        seed = replace(config.seed, pythonpath=(path, *config.seed.pythonpath))
        started = time.time()
        try:
            url = self.made.seed_beside(replace(config, seed=seed))
        except ParityError as error:
            return [FAILED], str(error).splitlines()[-1]
        try:
            findings = self._findings(url, started)
        finally:
            self.made.drop(url)
        places = [one.difference.place for one in findings]
        return [place for place in places if place not in self.before], ""

    def _findings(self, url: str, started: float | None) -> list[Finding]:
        ground = self.ground
        return ground.unwaived(*judge(ground.config, self.legacy, url, ground.rules, started))

    def close(self) -> None:
        self.made.close()
