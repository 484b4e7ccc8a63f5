"""The use case: each mutant is planted in a copy of the port, and each part looks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from parity_tests.config import Config
from parity_tests.mutants.by_fuzz import BUDGET, FuzzSeeker
from parity_tests.mutants.by_journeys import JourneySeeker
from parity_tests.mutants.by_matrix import MatrixSeeker
from parity_tests.mutants.ground import Ground, MutantListener, QuietListener, Seeker
from parity_tests.mutants.model import (
    Mutant,
    MutantOutcome,
    MutantTrial,
    MutantVerdict,
    Part,
    Result,
)
from parity_tests.mutants.plant import Garden, check
from parity_tests.stage.process import StackError
from parity_tests.stage.workplace import load_census, workplace


@dataclass(frozen=True)
class MutantOptions:
    parts: tuple[Part, ...] = (Part.JOURNEYS,)
    database: str = "sqlite"
    seed: int = 1
    """Of the sequences that are drawn."""
    budget: int = BUDGET
    """Exchanges that are drawn for one mutant at most."""
    aim: bool = False
    """Draw only operations of the mutant's resource."""
    today: date = field(default_factory=date.today)


def run(
    config: Config, mutants: Sequence[Mutant], options: MutantOptions, listener: MutantListener
) -> Result:
    check(config, mutants)
    result = Result(options.parts)
    with workplace(keep=False) as folder, ExitStack() as open_parts:
        listener.message("reading the list of operations")
        census = load_census(config, QuietListener())
        ground = Ground(config, census, options.database, folder, options.today)
        makers: dict[Part, Callable[[], Seeker]] = {
            Part.JOURNEYS: partial(JourneySeeker, ground, mutants),
            Part.MATRIX: partial(MatrixSeeker, ground),
            Part.FUZZ: partial(FuzzSeeker, ground, options.seed, options.budget, options.aim),
        }
        seekers: dict[Part, Seeker] = {}
        for part in options.parts:
            listener.message(f"{part} on the port as it is")
            seekers[part] = open_parts.enter_context(closing(makers[part]()))
            result.notes += seekers[part].baseline(mutants)
        garden = Garden(config, folder / "garden")
        for number, mutant in enumerate(mutants, 1):
            outcome = MutantOutcome(mutant)
            path = garden.plant(mutant)
            for part, seeker in seekers.items():
                begun = time.monotonic()
                try:
                    trial = seeker.seek(mutant, path)
                except StackError as error:
                    trial = MutantTrial(MutantVerdict.BROKEN, problem=str(error))
                trial.seconds = time.monotonic() - begun
                outcome.trials[part] = trial
            result.outcomes.append(outcome)
            verdicts = ", ".join(
                f"{part}: {trial.verdict} ({trial.exchanges} exchanges, {trial.seconds:.1f} s)"
                for part, trial in outcome.trials.items()
            )
            listener.message(f"{number}/{len(mutants)} {mutant.id}: {verdicts}")
    return result
