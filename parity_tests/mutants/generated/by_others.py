"""Matrix and fuzz, aimed at the operations that reach a generated mutant."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from parity_tests.matrix import play
from parity_tests.mutants.by_fuzz import FuzzSeeker
from parity_tests.mutants.by_matrix import Key, MatrixSeeker, keys_of
from parity_tests.mutants.generated.aim import Aim
from parity_tests.mutants.generated.by_journeys import general
from parity_tests.mutants.generated.make import Generated
from parity_tests.mutants.generated.model import MutantAttempt, MutantFate
from parity_tests.mutants.ground import Ground, places, planted
from parity_tests.mutants.model import Mutant, MutantVerdict
from parity_tests.stage.process import StackError
from parity_tests.stage.stage import Stage

_CELLS = 6
"""Operations that the matrix asks for one mutant: those that reach it most often."""
_NARROW = 25
"""Operations; what more than these reach is drawn for over all."""


_SEEDS = 3
"""Of fuzz, one after another, while what they draw differs without the mutant, too."""


def _standing_for(mutant: Generated, operation: str = "") -> Mutant:
    """As the hand-written ones are described; its place and its journeys are not known."""
    return Mutant(mutant.id, mutant.rule, mutant.file, "", "", operation, "**", ())


class MatrixHunter:
    def __init__(self, ground: Ground, seconds: float, is_over: Callable[[], bool]) -> None:
        self.seeker = MatrixSeeker(ground)
        self.seconds = seconds
        self.is_over = is_over

    def hunt(self, aim: Aim, path: Path) -> MutantAttempt:
        seeker, attempt = self.seeker, MutantAttempt()
        known = [one for one, _ in aim.operations.most_common() if one in seeker.requests]
        wanted = known[:_CELLS]
        attempt.asked = f"{len(wanted)} of {len(known)} operations"
        if not wanted:
            attempt.fate = MutantFate.NOT_REACHED
            return attempt
        deadline = time.monotonic() + self.seconds
        for profile in seeker.table.plan.profiles():
            stage = seeker.stage(profile)
            for operation in wanted:
                seeker.learn(profile, operation)
            before = {
                operation: _general(seeker.before[profile, operation]) for operation in wanted
            }
            started = False
            try:
                with planted(stage, path):
                    started = True
                    for cell, pair in play.ask(seeker.table, stage, wanted):
                        attempt.exchanges += 1
                        if "Timeout" in pair.ported.reply.error or pair.ported.reply.timed_out:
                            attempt.fate = MutantFate.TIMED_OUT
                            attempt.problem = pair.ported.reply.error
                            return attempt
                        red = _general(keys_of(cell)) - before[cell.operation]
                        if red and red & self._again(stage, cell.operation):
                            attempt.fate, attempt.places = MutantFate.KILLED, places(cell.findings)
                            return attempt
                        if self.is_over() or time.monotonic() > deadline:
                            attempt.fate = MutantFate.TIMED_OUT
                            attempt.problem = f"its time ended at {cell.operation}"
                            return attempt
            except StackError as error:
                stage.legacy.stack.check()
                attempt.problem = str(error).splitlines()[0]
                attempt.fate = MutantFate.KILLED if started else MutantFate.BROKEN
                return attempt
        return attempt

    def _again(self, stage: Stage, operation: str) -> set[Key]:
        """What a second asking does not show was the machine's doing."""
        stage.restore()
        cells = play.ask(self.seeker.table, stage, [operation])
        return {key for cell, _ in cells for key in _general(keys_of(cell))}

    def close(self) -> None:
        self.seeker.close()


def _general(keys: Iterable[Key]) -> set[Key]:
    return {(a, b, c, d, general(place)) for a, b, c, d, place in keys}


class FuzzHunter:
    """`exchanges` at most for each; what journeys never reach is drawn for over all operations."""

    def __init__(self, ground: Ground, seed: int, exchanges: int) -> None:
        self.seeker = FuzzSeeker(ground, seed, exchanges)
        self.seeker.drawn_from = self._operations
        self.census = set(ground.census.operations)
        self.aimed: Counter[str] = Counter()
        self.seed = seed
        self.clean: dict[int, dict[tuple[str, ...], int]] = {}
        """By seed: as the seeker's own."""

    def _operations(self, _: Mutant) -> tuple[str, ...]:
        aimed = tuple(sorted(self.aimed.keys() & self.census))
        return aimed if len(aimed) <= _NARROW else ()

    def hunt(self, mutant: Generated, aim: Aim, path: Path) -> MutantAttempt:
        self.aimed = aim.operations
        stand_in = _standing_for(mutant)
        drawn = self._operations(stand_in)
        attempt = MutantAttempt(asked=f"drawn from {len(drawn) or len(self.census)} operations")
        for seed in range(self.seed, self.seed + _SEEDS):
            self.seeker.options = replace(self.seeker.options, seed=seed)
            self.seeker.clean = self.clean.setdefault(seed, {})
            trial = self.seeker.seek(stand_in, path)
            attempt.exchanges += trial.exchanges
            if trial.verdict is MutantVerdict.DETECTED:
                attempt.fate, attempt.places = MutantFate.KILLED, trial.places
                return attempt
            if trial.verdict is not MutantVerdict.BROKEN:
                break
            # red without the mutant too: these requests prove nothing about it, others may
            attempt.problem = f"seed {seed}: {trial.problem}"
        return attempt

    def close(self) -> None:
        self.seeker.close()
