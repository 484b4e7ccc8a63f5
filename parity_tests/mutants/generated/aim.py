"""What reaches a mutant, by the recording: journeys, cheapest first, and operations. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from parity_tests.mutants.generated.make import Generated
from parity_tests.mutants.generated.users import FunctionUsers, Lines
from parity_tests.reach.model import Reach, ReachedBy


@dataclass
class Aim:
    """How one mutant is reached."""

    journeys: list[str] = field(default_factory=list)
    """Those that say most for their cost first."""
    operations: Counter[str] = field(default_factory=Counter)
    last: dict[str, int] = field(default_factory=dict)
    """By journey: the last step that reaches it."""


class Aiming:
    def __init__(self, reach: Reach, sources: Mapping[str, str]) -> None:
        self.reach = reach
        self.users = FunctionUsers(sources)
        self.sizes = Counter(one.name for one in reach.asked if one.part == "journeys")

    def lines(self, mutant: Generated) -> Lines:
        if mutant.is_import_time:
            return self.users.of(mutant.file, mutant.names)
        if self.reach.is_start_only(mutant.file, range(mutant.lines[0], mutant.lines[1] + 1)):
            # a function that runs while the process starts: reached is who uses what it belongs to
            return self.users.of(mutant.file, mutant.context.split(".")[:1])
        return {mutant.file: set(range(mutant.lines[0], mutant.lines[1] + 1))}

    def at(self, mutant: Generated) -> Aim:
        numbers = self._numbers(self.lines(mutant))
        own = range(mutant.lines[0], mutant.lines[1] + 1)
        if not numbers and self.reach.is_start_only(mutant.file, own):
            # what uses it runs at the start, too: then whoever reaches anything of the file
            numbers = self._numbers(self.users.of(mutant.file, ()))
        asked = [self.reach.asked[number] for number in sorted(numbers)]
        hits = Counter(one.name for one in asked if one.part == "journeys")
        cost = {name: self._cost(name, count, asked) for name, count in hits.items()}
        return Aim(
            sorted(hits, key=lambda name: (cost[name], name)),
            Counter(one.operation for one in asked),
            # in the order in which they were played
            {one.name: one.step for one in asked},
        )

    def _numbers(self, lines: Lines) -> set[int]:
        return {
            number
            for file, wanted in lines.items()
            if (reach := self.reach.files.get(file)) is not None
            for line in wanted
            for number in reach.lines.get(line, ())
        }

    def _cost(self, name: str, hits: int, asked: Sequence[ReachedBy]) -> float:
        """Seconds until the journey reaches it, less for one that does so often and otherwise."""
        steps = [one.step for one in asked if one.name == name]
        kinds = len({one.operation for one in asked if one.name == name})
        whole = max(self.sizes[name], 1)
        # it ends some steps after the last one; most differences are met at the first
        seconds = self.reach.seconds.get(name, 1.0) * (steps[0] + steps[-1]) / (2 * whole)
        return seconds / (1 + kinds + hits / whole)
