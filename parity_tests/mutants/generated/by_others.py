"""Matrix and fuzz, aimed at the operations that reach a generated mutant; the port's own unit tests."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from parity_tests.config import Config
from parity_tests.matrix import play
from parity_tests.mutants.by_fuzz import FuzzSeeker
from parity_tests.mutants.by_matrix import MatrixSeeker, keys_of
from parity_tests.mutants.generated.aim import Aim
from parity_tests.mutants.generated.make import Generated
from parity_tests.mutants.generated.model import MutantAttempt, MutantFate
from parity_tests.mutants.generated.population import GeneratedSettings
from parity_tests.mutants.ground import Ground, places
from parity_tests.mutants.model import Mutant, MutantVerdict
from parity_tests.stage.process import StackError
from parity_tests.stage.stage import replace_ported

_CELLS = 6
"""Operations that the matrix asks for one mutant: those that reach it most often."""
_NARROW = 25
"""Operations; what more than these reach is drawn for over all."""
_TAIL = 3


def _standing_for(mutant: Generated, operation: str = "") -> Mutant:
    """As the hand-written ones are described; its place and its journeys are not known."""
    return Mutant(mutant.id, mutant.rule, mutant.file, "", "", operation, "**", ())


class MatrixHunter:
    def __init__(self, ground: Ground) -> None:
        self.seeker = MatrixSeeker(ground)

    def hunt(self, aim: Aim, path: Path) -> MutantAttempt:
        seeker, attempt = self.seeker, MutantAttempt()
        known = [one for one, _ in aim.operations.most_common() if one in seeker.requests]
        wanted = known[:_CELLS]
        attempt.asked = f"{len(wanted)} of {len(known)} operations"
        if not wanted:
            attempt.fate = MutantFate.NOT_REACHED
            return attempt
        for profile in seeker.table.plan.profiles():
            stage = seeker.stage(profile)
            for operation in wanted:
                seeker.learn(profile, operation)
            started = False
            try:
                with replace_ported(stage, (path,)):
                    started = True
                    for cell, pair in play.ask(seeker.table, stage, wanted):
                        attempt.exchanges += 1
                        if "Timeout" in pair.ported.reply.error:
                            attempt.fate, attempt.problem = (
                                MutantFate.TIMED_OUT,
                                pair.ported.reply.error,
                            )
                            return attempt
                        if keys_of(cell) - seeker.before[profile, cell.operation]:
                            attempt.fate, attempt.places = MutantFate.KILLED, places(cell.findings)
                            return attempt
            except StackError as error:
                stage.legacy.stack.check()
                attempt.problem = str(error).splitlines()[0]
                attempt.fate = MutantFate.KILLED if started else MutantFate.BROKEN
                return attempt
        return attempt

    def close(self) -> None:
        self.seeker.close()


class FuzzHunter:
    """`exchanges` at most for each; what journeys never reach is drawn for over all operations."""

    def __init__(self, ground: Ground, seed: int, exchanges: int) -> None:
        self.seeker = FuzzSeeker(ground, seed, exchanges)
        self.seeker.drawn_from = self._operations
        self.census = set(ground.census.operations)
        self.aimed: Counter[str] = Counter()

    def _operations(self, _: Mutant) -> tuple[str, ...]:
        aimed = tuple(sorted(self.aimed.keys() & self.census))
        return aimed if len(aimed) <= _NARROW else ()

    def hunt(self, mutant: Generated, aim: Aim, path: Path) -> MutantAttempt:
        self.aimed = aim.operations
        stand_in = _standing_for(mutant)
        trial = self.seeker.seek(stand_in, path)
        drawn = self._operations(stand_in)
        attempt = MutantAttempt(
            MutantFate.SURVIVED, trial.exchanges, places=trial.places, problem=trial.problem
        )
        attempt.asked = f"drawn from {len(drawn) or len(self.census)} operations"
        if trial.verdict is MutantVerdict.DETECTED:
            attempt.fate = MutantFate.KILLED
        elif trial.verdict is MutantVerdict.BROKEN:
            # red without the mutant too: it can not be told
            attempt.fate = MutantFate.COULD_NOT_RUN
        return attempt

    def close(self) -> None:
        self.seeker.close()


class TestsHunter:
    """The configured command, run beside a copy of the package with the mutant in it."""

    __test__ = False

    def __init__(
        self, config: Config, settings: GeneratedSettings, source: Path, seconds: float
    ) -> None:
        self.config = config
        self.settings = settings
        self.root = source.parent
        self.seconds = seconds

    def hunt(self, path: Path) -> MutantAttempt:
        for name in self.settings.tests_beside:
            link = path / name
            if not link.exists():
                link.symlink_to(self.root / name)
        command: Sequence[str] = self.config.expand(self.settings.tests)
        attempt = MutantAttempt(asked=" ".join(self.settings.tests))
        begun = time.monotonic()
        environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command,
                cwd=path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            attempt.fate, attempt.problem = (
                MutantFate.TIMED_OUT,
                f"no end after {self.seconds:.0f} s",
            )
            return attempt
        except OSError as error:
            attempt.fate, attempt.problem = MutantFate.COULD_NOT_RUN, str(error)
            return attempt
        attempt.seconds = time.monotonic() - begun
        end = [line for line in done.stdout.splitlines() if line.strip()][-_TAIL:]
        # pytest's own codes: 1 tests failed, 2 interrupted (a module can not be imported), others: no run
        if done.returncode in (1, 2):
            attempt.fate, attempt.places = MutantFate.KILLED, end
        elif done.returncode:
            attempt.fate, attempt.problem = (
                MutantFate.COULD_NOT_RUN,
                "\n".join(end) + done.stderr[-500:],
            )
        return attempt
