"""The use case: a sample of generated mutants, each tried by one part after another until it is killed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from parity_core.model import ParityError
from parity_tests.config import Config
from parity_tests.journeys import read as journey_files
from parity_tests.journeys.model import Journey
from parity_tests.mutants.generated import make, population
from parity_tests.mutants.generated.aim import Aim, Aiming
from parity_tests.mutants.generated.by_journeys import JourneyHunter, JourneyLimits
from parity_tests.mutants.generated.by_others import FuzzHunter, MatrixHunter
from parity_tests.mutants.generated.by_seed import SeedHunter
from parity_tests.mutants.generated.by_tests import TestsHunter
from parity_tests.mutants.generated.ledger import MutantLedger
from parity_tests.mutants.generated.make import Generated
from parity_tests.mutants.generated.model import (
    GeneratedTrial,
    Hunter,
    MutantAttempt,
    MutantFate,
    Sampled,
)
from parity_tests.mutants.generated.population import GeneratedSettings
from parity_tests.mutants.ground import Ground, MutantListener, QuietListener
from parity_tests.mutants.plant import Garden, package_folder
from parity_tests.operations import Census
from parity_tests.reach import record as recording
from parity_tests.reach.model import Reach
from parity_tests.stage.services import registry
from parity_tests.stage.workplace import load_census, workplace


@dataclass(frozen=True)
class GeneratedOptions:
    count: int
    seed: int = 1
    """Of the sample, and of what fuzz draws."""
    hunters: tuple[Hunter, ...] = (Hunter.JOURNEYS,)
    database: str = "sqlite"
    only: tuple[str, ...] = ()
    jobs: int = 1
    exchanges: int = 800
    """That journeys play, and fuzz draws, for one mutant at most."""
    seconds: float = 300.0
    """That one part has for one mutant; then it has timed out."""
    reach: Path = Path("reach.json")
    resume: Path | None = None
    again: bool = False
    """Tries those again that were not killed."""
    today: date = field(default_factory=date.today)


def choose(config: Config, options: GeneratedOptions) -> tuple[list[Generated], Sampled]:
    """The mutants to try, and the result that is still empty."""
    wanted = population.settings(config.mutants)
    every = population.load(package_folder(config), wanted)
    if options.only:
        mutants = population.only(every, options.only)
    else:
        mutants = population.sample(every, options.count, options.seed)
    marked = population.equivalents(wanted.equivalent)
    kind = options.database.partition("=")[0].partition(":")[0]
    gone = population.vanished(marked, every)
    result = Sampled(kind, options.seed, options.hunters, len(every), [], marked, gone)
    return mutants, result


def run(config: Config, options: GeneratedOptions, listener: MutantListener) -> Sampled:
    mutants, result = choose(config, options)
    ledger = MutantLedger(options.resume, {"database": result.database, "seed": options.seed})
    if options.again:
        ledger.forget_survivors()
    left = [one for one in mutants if one.id not in ledger.done]
    if left:
        source = package_folder(config)
        reach = recording.completed(config, source, options.database, options.reach, listener)
        result.notes += _not_played(config)
        _try_all(config, options, left, reach, ledger, listener)
    result.trials = [ledger.done[one.id] for one in mutants]
    return result


def _not_played(config: Config) -> list[str]:
    """Journeys that this machine has not what they need for: what only they reach is not reached."""
    every = journey_files.load_all(config.journeys, (), config.users, registry.provided)
    lacks = {registry.missing(one.profile.services): one.name for one in every}
    return [f"journeys were left out: {lack}" for lack in lacks if lack]


def _try_all(
    config: Config,
    options: GeneratedOptions,
    mutants: Sequence[Generated],
    reach: Reach,
    ledger: MutantLedger,
    listener: MutantListener,
) -> None:
    census = load_census(config, QuietListener())
    waiting: queue.SimpleQueue[Generated] = queue.SimpleQueue()
    for one in mutants:
        waiting.put(one)
    over = threading.Event()
    finished = 0

    def work(number: int) -> None:
        nonlocal finished
        with workplace(keep=False) as folder:
            worker = MutantWorker(config, options, census, reach, folder, over)
            try:
                while not over.is_set():
                    try:
                        mutant = waiting.get_nowait()
                    except queue.Empty:
                        return
                    trial = worker.attempt(mutant)
                    if over.is_set():
                        return  # half tried: the next run tries it again
                    trial = ledger.add(trial)
                    finished += 1
                    listener.message(f"{finished}/{len(mutants)} {mutant.id}: {_described(trial)}")
            finally:
                worker.close()

    with ThreadPoolExecutor(options.jobs, "parity-mutants") as threads:
        futures = [threads.submit(work, n) for n in range(min(options.jobs, len(mutants)))]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            over.set()
    for future in futures:
        future.result()


def _described(trial: GeneratedTrial) -> str:
    parts = [
        f"{name}: {attempt.fate} ({attempt.exchanges} exchanges, {attempt.seconds:.0f} s)"
        for name, attempt in trial.attempts.items()
    ]
    return ", ".join(parts)


class MutantWorker:
    """Tries one mutant after another, on stacks, databases and a copy of the package of its own."""

    def __init__(
        self,
        config: Config,
        options: GeneratedOptions,
        census: Census,
        reach: Reach,
        folder: Path,
        over: threading.Event,
    ) -> None:
        self.config = config
        self.options = options
        self.settings: GeneratedSettings = population.settings(config.mutants)
        self.ground = Ground(config, census, options.database, folder, options.today)
        self.garden = Garden(config, folder / "garden")
        source = self.garden.original
        sources = {
            path.relative_to(source.parent).as_posix(): path.read_text(encoding="utf-8")
            for path in source.rglob("*.py")
        }
        self.aiming = Aiming(reach, sources)
        self.reach = reach
        self.limits = JourneyLimits(options.exchanges, options.seconds, over.is_set)
        self.open = ExitStack()
        self.journeys: JourneyHunter | None = None
        self.matrix: MatrixHunter | None = None
        self.fuzz: FuzzHunter | None = None
        self.seed: SeedHunter | None = None
        self.tests: TestsHunter | None = None

    def attempt(self, mutant: Generated) -> GeneratedTrial:
        trial = GeneratedTrial(mutant.id, mutant.file, mutant.rule, mutant.lines[0])
        before = (self.garden.original.parent / mutant.file).read_text(encoding="utf-8")
        after = make.mutated(mutant, before, self.settings.skip_calls)
        trial.diff = make.difference(mutant, before, after)
        try:
            compile(after, mutant.file, "exec")
        except SyntaxError as error:
            trial.attempts["import"] = MutantAttempt(MutantFate.BROKEN, problem=str(error))
            return trial
        path = self.garden.plant_text(mutant.file, after)
        aim = self.aiming.at(mutant)
        for hunter in self.options.hunters:
            begun = time.monotonic()
            try:
                attempt = self._hunt(hunter, mutant, aim, path)
            except ParityError as error:
                # a stack that is not the mutant's, or what it was asked: what is open may be broken
                attempt = MutantAttempt(
                    MutantFate.COULD_NOT_RUN, problem=str(error).splitlines()[0]
                )
                self.close()
            attempt.seconds = round(time.monotonic() - begun, 2)
            trial.attempts[hunter.value] = attempt
            if not attempt.fate.is_survival:
                break
        return trial

    def _hunt(self, hunter: Hunter, mutant: Generated, aim: Aim, path: Path) -> MutantAttempt:
        if hunter is Hunter.TESTS:
            if self.tests is None:
                self.tests = TestsHunter(
                    self.config,
                    self.settings,
                    package_folder(self.config),
                    self.garden.original,
                    self.options.seconds,
                )
            return self.tests.hunt(mutant, path)
        if hunter is Hunter.SEED:
            if not self.config.seed.legacy:
                return MutantAttempt(MutantFate.NOT_REACHED)
            if self.seed is None:
                self.seed = SeedHunter(self.ground, package_folder(self.config))
                self.open.callback(self.seed.close)
            return self.seed.hunt(mutant, path)
        if hunter is Hunter.JOURNEYS:
            if self.journeys is None:
                every = _by_name(self.config)
                is_same = self.reach.database == self.ground.kind
                before = self.reach.differences if is_same else []
                self.journeys = JourneyHunter(self.ground, every, before, self.limits)
                self.open.callback(self.journeys.close)
            return self.journeys.hunt(aim, path)
        if hunter is Hunter.MATRIX:
            if self.matrix is None:
                self.matrix = MatrixHunter(self.ground, self.options.seconds, self.limits.is_over)
                self.open.callback(self.matrix.close)
            return self.matrix.hunt(aim, path)
        if self.fuzz is None:
            self.fuzz = FuzzHunter(self.ground, self.options.seed, self.options.exchanges)
            self.open.callback(self.fuzz.close)
        return self.fuzz.hunt(mutant, aim, path)

    def close(self) -> None:
        self.open.close()
        self.journeys = self.matrix = self.fuzz = self.seed = None


def _by_name(config: Config) -> dict[str, Journey]:
    every = journey_files.load_all(config.journeys, (), config.users, registry.provided)
    return {journey.name: journey for journey in every}
