"""The use case: plays journeys again and again on both stacks, one request at a time, and takes the times."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from parity_core.compare import rules, waivers
from parity_core.files import rules_toml, waivers_toml
from parity_core.model import Difference, Exchange, Pair, ParityError, Side
from parity_tests.config import Config, Target
from parity_tests.journeys import read
from parity_tests.journeys.model import Journey, Step
from parity_tests.journeys.sign import UserSession
from parity_tests.operations import CensusMatcher
from parity_tests.performance.budget import PerformancePlan, PerformanceVerdict, judge
from parity_tests.performance.interval import Interval, ratio
from parity_tests.report.exit_code import Exit
from parity_tests.report.listening import Voice
from parity_tests.run.replay import Replay
from parity_tests.run.use_case import by_profile
from parity_tests.stage import databases
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage, open_stage
from parity_tests.stage.workplace import load_census, workplace
from parity_tests.stage.world import World

_COUNTING = Path(__file__).with_name("counting")
_WARM_UP = 2
"""Rounds that nobody measures: imports, caches, connections."""
_TRAILING = 0.002
"""Seconds for what a stack asks of its database after its reply."""


@dataclass
class Measured:
    """All pairs of one operation."""

    label: str
    times: list[tuple[float, float]] = field(default_factory=list)
    """Seconds (legacy, ported)."""
    statements: list[tuple[int, int]] = field(default_factory=list)
    """Of each pair; empty when a stack could not be counted."""
    example: tuple[list[str], list[str]] = ([], [])
    """What one request had both stacks ask of their databases."""
    different: Counter[str] = field(default_factory=Counter)
    """Pairs with two statuses, which are two kinds of work: `500 against 400`."""
    waived: int = 0
    """Pairs with two statuses that a waiver accepts."""
    verdict: PerformanceVerdict = PerformanceVerdict.INCONCLUSIVE
    why: str = ""
    interval: Interval | None = None

    def typical(self, side: int) -> float | None:
        """Statements of one request: the median, so that what runs beside it does not count."""
        return median(pair[side] for pair in self.statements) if self.statements else None

    def milliseconds(self, side: int) -> float:
        return median(pair[side] for pair in self.times) * 1000 if self.times else 0.0


@dataclass
class Performance:
    name: str
    database: str
    rounds: int
    seed: int
    operations: dict[str, Measured] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    counted: bool = True

    @property
    def exit(self) -> Exit:
        failing = any(one.verdict.fails for one in self.operations.values())
        return Exit.DIFFERENT if failing else Exit.SAME


class StatementLog:
    """The file that a stack's processes write their statements to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def take(self) -> list[str]:
        """What was written since the last time."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(new)
        return new.decode(errors="replace").splitlines()


def measure(
    config: Config,
    plan: PerformancePlan,
    globs: Sequence[str],
    database: str,
    seed: int,
    voice: Voice,
) -> Performance:
    """Every journey is played `plan.pairs` times; each time starts from the seed's rows."""
    begun = time.monotonic()
    wanted = read.load_all(plan.journeys, tuple(globs), config.users)
    # before minutes are spent on two stacks
    rules_toml.load(config.rules, database)
    waivers_toml.load(config.waivers)
    matcher = CensusMatcher(load_census(config, voice).operations)
    performance = Performance(config.name, database.partition("=")[0], plan.pairs, seed)
    order = random.Random(seed)
    with workplace(False) as folder:
        made = databases.create(database, folder, f"parity_{folder.name.rpartition('-')[2]}")
        try:
            voice.message(f"seeding a {made.name} database")
            made.seed(config)
            for number, (profile, group) in enumerate(by_profile(wanted).items()):
                if lack := registry.missing(profile.services):
                    performance.notes.append(f"{', '.join(j.name for j in group)} left out: {lack}")
                    continue
                voice.message(f"starting both stacks: {profile}")
                with _counted(config, folder, number) as (counted, logs):
                    stage = open_stage(counted, profile, made, f"t{number}", folder)
                    with stage:
                        for journey in group:
                            _play(
                                journey,
                                stage,
                                rules_toml.load(config.rules, made.name),
                                matcher,
                                logs,
                                performance,
                                order,
                                voice,
                            )
        finally:
            made.close()
    _judge(performance, plan)
    performance.seconds = time.monotonic() - begun
    return performance


@contextmanager
def _counted(
    config: Config, folder: Path, number: int
) -> Iterator[tuple[Config, dict[Side, StatementLog]]]:
    """The configuration with both stacks told to write down their statements."""
    logs = {side: StatementLog(folder / f"{side}-{number}.statements") for side in Side}

    def counting(target: Target, log: StatementLog) -> Target:
        return replace(
            target,
            environment={**target.environment, "PARITY_STATEMENTS": str(log.path)},
            pythonpath=(_COUNTING, *target.pythonpath),
        )

    yield (
        replace(
            config,
            legacy=counting(config.legacy, logs[Side.LEGACY]),
            ported=counting(config.ported, logs[Side.PORTED]),
        ),
        logs,
    )


def _play(
    journey: Journey,
    stage: Stage,
    known: rules.Rules,
    matcher: CensusMatcher,
    logs: dict[Side, StatementLog],
    performance: Performance,
    order: random.Random,
    voice: Voice,
) -> None:
    begun = time.monotonic()
    for number in range(_WARM_UP + performance.rounds):
        if number == _WARM_UP:
            begun = time.monotonic()
        elif number > _WARM_UP and (number - _WARM_UP) % 10 == 0:
            left = (
                (time.monotonic() - begun)
                / (number - _WARM_UP)
                * (_WARM_UP + performance.rounds - number)
            )
            voice.message(
                f"{journey.name}: {number - _WARM_UP} of {performance.rounds} rounds, {left:.0f} s left"
            )
        stage.restore()
        into = performance if number >= _WARM_UP else None
        for _ in _Paced(journey, stage, known, matcher, logs, into, order).run():
            pass


class _Paced(Replay):
    """Asks one stack after the other, in an order that chance decides; compares nothing."""

    def __init__(
        self,
        journey: Journey,
        stage: Stage,
        known: rules.Rules,
        matcher: CensusMatcher,
        logs: dict[Side, StatementLog],
        performance: Performance | None,
        order: random.Random,
    ) -> None:
        super().__init__(journey, stage, known, matcher)
        self.logs = logs
        self.performance = performance
        self.order = order
        self.waivers = waivers_toml.load(stage.config.waivers)

    def play(
        self,
        step: Step,
        sessions: Mapping[Side, UserSession],
        extra: dict[Side, dict[str, Any]] | None = None,
    ) -> tuple[Pair, list[Difference]]:
        self.number += 1
        if step.wait:
            raise ParityError(f"{self._at(step)}: a step that waits has no time of its own")
        requests = self.requests(step, sessions, extra)
        worlds = [self.stage.legacy, self.stage.ported]
        self.order.shuffle(worlds)
        for log in self.logs.values():
            log.take()
        timed: dict[Side, tuple[Exchange, float]] = {}
        for world in worlds:
            timed[world.side] = self.ask_timed(world, requests[world.side])
        time.sleep(_TRAILING)
        statements = [self.logs[side].take() for side in Side]
        (legacy, first), (ported, second) = timed[Side.LEGACY], timed[Side.PORTED]
        label = self.matcher.match(legacy.request.method, legacy.request.path)
        pair = Pair(self.journey.name, self.number, self._at(step), label, legacy, ported)
        for world in worlds:
            world.forget()
        self.capture(step, pair, [])
        if self.performance is not None:
            self.note(self.performance, pair, (first, second), statements)
        return pair, []

    @staticmethod
    def ask_timed(world: World, request: Any) -> tuple[Exchange, float]:
        started, begun = time.time(), time.perf_counter()
        reply = world.send(request)
        seconds = time.perf_counter() - begun
        return Exchange(
            world.side, world.stack.origin, request, reply, started, time.time()
        ), seconds

    def note(
        self,
        performance: Performance,
        pair: Pair,
        seconds: tuple[float, float],
        statements: list[list[str]],
    ) -> None:
        entry = performance.operations.setdefault(
            pair.operation.label, Measured(pair.operation.label)
        )
        if pair.legacy.reply.status != pair.ported.reply.status:
            statuses = [reply.status or "none" for reply in (pair.legacy.reply, pair.ported.reply)]
            difference = Difference("status", pair.legacy.reply.status, pair.ported.reply.status)
            (one,) = waivers.accept(
                self.waivers, pair, [difference], performance.database, date.today()
            )
            if one.waiver:
                entry.waived += 1
            else:
                entry.different["{} against {}".format(*statuses)] += 1
            return
        entry.times.append(seconds)
        entry.statements.append((len(statements[0]), len(statements[1])))
        entry.example = (statements[0], statements[1])


def _judge(performance: Performance, plan: PerformancePlan) -> None:
    for side, name in enumerate(Side):
        # every request of a whole run without one statement: nobody counts there
        if not any(
            pair[side] for one in performance.operations.values() for pair in one.statements
        ):
            performance.counted = False
            performance.notes.append(
                f"no statement of the {name} stack was counted: is it SQLAlchemy?"
            )
    for one in performance.operations.values():
        if not performance.counted:
            one.statements.clear()
        one.interval = ratio(one.times, performance.seed)
        typical = (one.typical(0), one.typical(1))
        one.verdict, one.why = judge(plan.budget(one.label), one.interval, typical, one.different)
        if one.waived and not one.times:
            one.why = "all replies had another status than the legacy's, which a waiver accepts"
