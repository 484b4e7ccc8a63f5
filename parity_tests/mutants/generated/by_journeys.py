"""The journeys that reach a generated mutant, on stacks of which only the ported process is replaced."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parity_core.model import Finding, ParityError
from parity_tests.journeys.model import Journey, Profile
from parity_tests.mutants.generated.aim import Aim
from parity_tests.mutants.generated.model import MutantAttempt, MutantFate
from parity_tests.mutants.ground import Ground, planted
from parity_tests.run.replay import replay
from parity_tests.run.use_case import by_profile
from parity_tests.stage.databases import Databases
from parity_tests.stage.process import StackError
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage

_OPEN = 8
"""Pairs of stacks that stay up; the usual settings are always among them."""
_AFTER = 3
"""Steps that are played after the last one that reaches the mutant: replies and rows are compared at each step."""
_PLACES = 6
_GENERATED = re.compile(r"/[^/]*\d[^/]*")
DIED = "the ported stack died"

Key = tuple[str, int, str]
"""Journey, step and place of a difference."""


@dataclass(frozen=True)
class JourneyLimits:
    exchanges: int
    """For one mutant, journeys that are begun are ended."""
    seconds: float
    """For one mutant."""
    is_over: Callable[[], bool] = lambda: False
    """Whether the whole run is to end now."""


@dataclass(frozen=True)
class _Red:
    """What differed twice in one step of a journey."""

    journey: Journey
    step: int
    findings: list[Finding]


@dataclass
class _Chase:
    """One mutant, while journeys are played for it."""

    aim: Aim
    path: Path
    attempt: MutantAttempt
    deadline: float
    played: set[str] = field(default_factory=set)


class _Late(Exception):
    """The mutant has had its time."""


class JourneyHunter:
    def __init__(
        self,
        ground: Ground,
        journeys: Mapping[str, Journey],
        before: Sequence[Key],
        limits: JourneyLimits,
    ) -> None:
        self.ground = ground
        self.journeys = journeys
        self.before = {(journey, step, general(place)) for journey, step, place in before}
        self.limits = limits
        self.clean: dict[str, int] = {}
        """By journey: up to which step the port as it is has been played in this run."""
        self.made: Databases | None = None
        self.stages: dict[Profile, Stage] = {}
        self.number = 0

    def _stage(self, profile: Profile) -> Stage:
        """Opened when it is needed first; the one that was not needed for longest is closed for it."""
        if self.made is None:
            self.made = self.ground.databases("journeys")
        if profile in self.stages:
            stage = self.stages.pop(profile)
        else:
            spare = [one for one in self.stages if one != Profile()]
            if len(spare) >= _OPEN:
                self.stages.pop(spare[0]).close()
            self.number += 1
            stage = self.ground.open(self.made, profile, f"g{self.number}")
        self.stages[profile] = stage
        return stage

    def drop(self) -> None:
        """Closes all stages: one of them does not answer any more."""
        for stage in self.stages.values():
            stage.close()
        self.stages.clear()

    def hunt(self, aim: Aim, path: Path) -> MutantAttempt:
        attempt = MutantAttempt()
        wanted = [self.journeys[name] for name in aim.journeys if name in self.journeys]
        if not wanted:
            attempt.fate = MutantFate.NOT_REACHED
            return attempt
        chase = _Chase(aim, path, attempt, time.monotonic() + self.limits.seconds)
        groups = by_profile(wanted)
        try:
            for profile in sorted(groups, key=lambda one: one not in self.stages):
                if registry.missing(profile.services):
                    continue
                attempt.fate = self._on_stage(self._stage(profile), groups[profile], chase)
                if attempt.fate is not MutantFate.SURVIVED or self._is_enough(attempt):
                    break
        except _Late as late:
            attempt.problem = str(late)
            attempt.fate = MutantFate.TIMED_OUT
        attempt.asked = f"{len(chase.played)} of {len(wanted)} journeys"
        return attempt

    def _is_enough(self, attempt: MutantAttempt) -> bool:
        return attempt.exchanges >= self.limits.exchanges

    def _on_stage(self, stage: Stage, journeys: Sequence[Journey], chase: _Chase) -> MutantFate:
        """What the journeys of one profile make of it; a process that dies must do so twice."""
        attempt = chase.attempt
        deaths = 0
        left = list(journeys)
        while left and not self._is_enough(attempt):
            red: _Red | None = None
            started = False
            try:
                with planted(stage, chase.path):
                    started = True
                    while left and not red and not self._is_enough(attempt):
                        red = self._red(stage, left[0], chase)
                        left.pop(0)
            except StackError as error:
                stage.legacy.stack.check()
                attempt.problem = _shortened(str(error))
                if not started:
                    return MutantFate.BROKEN
                deaths += 1
                if deaths == 2:
                    attempt.places = [DIED]
                    return MutantFate.KILLED
                continue
            attempt.problem = ""
            if red and self._is_the_mutants(stage, red):
                attempt.places = [_place(one) for one in red.findings][:_PLACES]
                return MutantFate.KILLED
        return MutantFate.SURVIVED

    def _red(self, stage: Stage, journey: Journey, chase: _Chase) -> _Red | None:
        """The first difference, if a second playing shows it, too."""
        last = chase.aim.last.get(journey.name, 0) + _AFTER
        chase.played.add(journey.name)
        for findings in self._play(stage, journey, last, chase.attempt, chase.deadline):
            new = [one for one in findings if _key(one) not in self.before]
            if not new:
                continue
            # what a second playing does not show was the machine's doing
            more = time.monotonic() + self.limits.seconds
            again = _confirmation(
                self._play(stage, journey, last, MutantAttempt(), more), findings[0]
            )
            both = {_key(one) for one in new} & {_key(one) for one in again}
            shown = [one for one in new if _key(one) in both]
            return _Red(journey, shown[0].pair.step, shown) if shown else None
        return None

    def _is_the_mutants(self, stage: Stage, red: _Red) -> bool:
        """Whether the same requests are green without it; what is not is known from then on."""
        name = red.journey.name
        if self.clean.get(name, 0) < red.step:
            more = time.monotonic() + self.limits.seconds
            for findings in self._play(stage, red.journey, red.step, MutantAttempt(), more):
                self.before |= {_key(one) for one in findings}
            self.clean[name] = red.step
        return any(_key(one) not in self.before for one in red.findings)

    def _play(
        self, stage: Stage, journey: Journey, last: int, attempt: MutantAttempt, deadline: float
    ) -> Iterator[list[Finding]]:
        ground = self.ground
        try:
            for pair, differences in replay(journey, stage, ground.rules, ground.matcher):
                attempt.exchanges += 1
                if "Timeout" in pair.ported.reply.error or pair.ported.reply.timed_out:
                    raise _Late(f"{journey.name}:{pair.step}: {pair.ported.reply.error}")
                yield ground.unwaived(pair, differences)
                if pair.step >= last:
                    return
                if self.limits.is_over() or time.monotonic() > deadline:
                    raise _Late(f"its time ended in {journey.name}, step {pair.step}")
        except StackError:
            raise
        except ParityError:
            # a bug may leave a journey without what its later steps need; it differed before, then
            return

    def close(self) -> None:
        self.drop()
        if self.made is not None:
            self.made.close()


def _confirmation(played: Iterator[list[Finding]], first: Finding) -> list[Finding]:
    for findings in played:
        if findings and findings[0].pair.step >= first.pair.step:
            return findings
    return []


def general(place: str) -> str:
    """Without what another playing calls otherwise: ids of rows, and numbers."""
    return _GENERATED.sub("/*", place)


def _key(finding: Finding) -> Key:
    return finding.pair.journey, finding.pair.step, general(finding.difference.place)


def _place(finding: Finding) -> str:
    pair = finding.pair
    return f"{pair.journey}:{pair.step} · {pair.operation.label} · {finding.difference.place}"


def _shortened(story: str) -> str:
    lines = story.splitlines()
    return "\n".join([lines[0], *lines[-4:]] if len(lines) > 5 else lines)
