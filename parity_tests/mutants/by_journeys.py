"""Written journeys as a part that finds planted bugs: those that the mutant names, until it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from parity_core.compare.places import place_matches
from parity_core.model import Finding, ParityError
from parity_tests.journeys import read
from parity_tests.journeys.model import Journey, Profile
from parity_tests.mutants.ground import Ground, places
from parity_tests.mutants.model import Mutant, MutantTrial, MutantVerdict
from parity_tests.run.confirm import Confirming
from parity_tests.run.replay import replay
from parity_tests.run.use_case import by_profile
from parity_tests.stage.process import StackError
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage, replace_ported

Key = tuple[str, int, str]
"""Journey, step and place of a difference."""


class JourneySeeker:
    def __init__(self, ground: Ground, mutants: Sequence[Mutant]) -> None:
        config = ground.config
        self.ground = ground
        self.wanted = {
            mutant.id: read.load_all(
                config.journeys, mutant.journeys, config.users, registry.provided
            )
            for mutant in mutants
        }
        self.made = ground.databases("journeys")
        self.stages: dict[Profile, Stage] = {}
        self.before: set[Key] = set()

    def stage(self, profile: Profile) -> Stage:
        if profile not in self.stages:
            name = f"j{len(self.stages)}"
            self.stages[profile] = self.ground.open(self.made, profile, name)
        return self.stages[profile]

    def baseline(self, mutants: Sequence[Mutant]) -> list[str]:
        every = {journey.name: journey for group in self.wanted.values() for journey in group}
        for profile, group in by_profile(list(every.values())).items():
            for journey in group:
                try:
                    for findings in self.play(self.stage(profile), journey):
                        self.before |= {_key(finding) for finding in findings}
                except StackError:
                    raise
                except ParityError as error:
                    raise ParityError(
                        f"a journey breaks on the port as it is: {journey.name}: {error}"
                    ) from None
        if not self.before:
            return []
        count = len(self.before)
        return [f"the port as it is already differs in {count} places; they count for no mutant"]

    def seek(self, mutant: Mutant, path: Path) -> MutantTrial:
        trial = MutantTrial()
        red: list[Finding] = []
        for profile, group in by_profile(self.wanted[mutant.id]).items():
            with replace_ported(self.stage(profile), (path,)) as stage:
                for findings in self.new(stage, mutant, group):
                    trial.exchanges += 1
                    red += findings
                    if any(_is_there(mutant, finding) for finding in findings):
                        trial.verdict, trial.places = MutantVerdict.DETECTED, places(red)
                        return trial
        if red:
            trial.verdict, trial.places = MutantVerdict.ELSEWHERE, places(red)
        return trial

    def new(
        self, stage: Stage, mutant: Mutant, group: Sequence[Journey]
    ) -> Iterator[list[Finding]]:
        """Per exchange, what does not differ on the port as it is; where the mutant is to show, only what shows twice."""
        for journey in group:
            try:
                for step, findings in self.once(stage, journey):
                    fresh = [one for one in findings if _key(one) not in self.before]
                    shown = [one for one in fresh if _is_there(mutant, one)]
                    if shown and not self.shows_again(stage, mutant, journey, step):
                        # the rows were put back meanwhile: the journey can not go on
                        yield [one for one in fresh if one not in shown]
                        break
                    yield fresh
            except StackError:
                raise
            except ParityError:
                # a bug may leave a journey without what its later steps need
                continue

    def once(self, stage: Stage, journey: Journey) -> Iterator[tuple[int, list[Finding]]]:
        """Steps and what is open in them, unconfirmed: a bug differs in many steps, and patience costs seconds in each."""
        ground = self.ground
        for pair, differences in replay(journey, stage, ground.rules, ground.matcher):
            findings = ground.judged(pair, differences)
            yield pair.step, [one for one in findings if one.waiver is None]

    def shows_again(self, stage: Stage, mutant: Mutant, journey: Journey, step: int) -> bool:
        """Whether another replay from the seed differs where the mutant is to show, at the same step."""
        for number, findings in self.once(stage, journey):
            if number == step:
                return any(_is_there(mutant, one) for one in findings)
        return False

    def play(self, stage: Stage, journey: Journey) -> Iterator[list[Finding]]:
        """Findings that a second replay confirms, as in a run: what a busy machine does finds no bug."""
        ground = self.ground
        confirming = Confirming(stage, ground.rules, ground.matcher, ground.judged)
        for _, findings in confirming.play(journey):
            yield [one for one in findings if one.waiver is None]

    def close(self) -> None:
        for stage in self.stages.values():
            stage.close()
        self.made.close()


def _key(finding: Finding) -> Key:
    return finding.pair.journey, finding.pair.step, finding.difference.place


def _is_there(mutant: Mutant, finding: Finding) -> bool:
    return finding.pair.operation.label == mutant.operation and place_matches(
        mutant.place, finding.difference.place
    )
