"""The use case: replays the legacy against an identical legacy, and learns what differs by itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from parity_core.compare.learned import LearnedRule
from parity_core.files import learned_toml
from parity_core.model import Finding, Pair, ParityError
from parity_tests.calibrate.learn import Learning, LearningObserver
from parity_tests.config import Config
from parity_tests.journeys.model import Journey
from parity_tests.report.exit_code import Exit
from parity_tests.report.listening import Listener
from parity_tests.run.use_case import RunOptions, run

_NO_FILE = Path("there-is-none.toml")


@dataclass(frozen=True)
class CalibrateOptions:
    database: str = "sqlite"
    journeys: tuple[str, ...] = ()
    rounds: int = 1
    days: int = 30
    """That a learned rule lasts."""
    written_rules: bool = True
    """False: learn from nothing, as for a project that has no rules yet."""
    today: date = field(default_factory=date.today)


@dataclass
class Calibration:
    learning: Learning
    exchanges: int
    journeys: int
    seconds: float
    notes: list[str]

    @property
    def exit(self) -> Exit:
        return Exit.DIFFERENT if self.learning.refused else Exit.SAME


class _Watching:
    """Passes progress on, and every pair to the observer."""

    def __init__(self, listener: Listener, observer: LearningObserver) -> None:
        self.listener = listener
        self.observer = observer

    def message(self, text: str) -> None:
        self.listener.message(text)

    def journey(self, journey: Journey, number: int, total: int) -> None:
        self.listener.journey(journey, number, total)

    def pair(self, pair: Pair, findings: Sequence[Finding]) -> None:
        self.observer.add(pair, [finding.difference for finding in findings])
        self.listener.pair(pair, findings)

    def journey_done(self, journey: Journey, seconds: float) -> None:
        self.listener.journey_done(journey, seconds)


def calibrate(config: Config, options: CalibrateOptions, listener: Listener) -> Calibration:
    begun = time.monotonic()
    # the second legacy takes the port's place; what is accepted of the port says nothing here
    twins = replace(
        config,
        ported=config.legacy,
        waivers=config.path.parent / _NO_FILE,
        seed=replace(config.seed, legacy=()),
    )
    if not options.written_rules:
        twins = replace(twins, rules=config.path.parent / _NO_FILE)
    observer = LearningObserver()
    exchanges = journeys = 0
    notes: list[str] = []
    for number in range(options.rounds):
        observer.round = number
        listener.message(f"the legacy against itself, round {number + 1} of {options.rounds}")
        # what differs once is what is to be learned
        run_options = RunOptions(
            options.database, options.journeys, confirm=False, today=options.today
        )
        report = run(twins, run_options, _Watching(listener, observer))
        if report.broken:
            raise ParityError(
                "journeys break on the legacy itself:\n" + "\n".join(report.broken[:5])
            )
        exchanges += report.exchanges
        journeys += report.journeys
        notes += [note for note in report.notes if note not in notes]
    expires = options.today + timedelta(days=options.days)
    learning = observer.learn(options.today, expires)
    return Calibration(learning, exchanges, journeys, time.monotonic() - begun, notes)


def merged(path: Path, learned: Sequence[LearnedRule], today: date) -> list[LearnedRule]:
    """What was learned now, and what the file has of other places and has not expired."""
    if not path.exists():
        return list(learned)
    known = {(rule.operation, rule.place) for rule in learned}
    kept = [
        rule
        for rule in learned_toml.load(path, today).rules
        if rule.expires >= today and (rule.operation, rule.place) not in known
    ]
    return [*learned, *kept]
