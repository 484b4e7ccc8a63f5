"""The permission matrix as a part that finds planted bugs: the mutant's operation, by everybody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parity_core.model import Finding
from parity_tests.journeys.model import Profile
from parity_tests.matrix import play
from parity_tests.matrix.model import Cell
from parity_tests.matrix.model import CellVerdict as CellVerdict
from parity_tests.mutants.ground import Ground, places
from parity_tests.mutants.model import Mutant, MutantTrial, MutantVerdict
from parity_tests.stage.stage import Stage, replace_ported

_RED = (CellVerdict.DIFFERENT, CellVerdict.LETS_IN)
Key = tuple[str, str, str, str, str]


class MatrixSeeker:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.made = ground.databases("matrix")
        self.table = play.lay(
            ground.config, ground.matcher, ground.census.operations, self.made.name, ground.today
        )
        play.prepare(self.table, self.made, ground.folder)
        self.stages: dict[Profile, Stage] = {}
        self.before: dict[tuple[Profile, str], set[Key]] = {}

    def stage(self, profile: Profile) -> Stage:
        if profile not in self.stages:
            name = f"x{len(self.stages)}"
            self.stages[profile] = play.open_table(
                self.table, profile, self.made, name, self.ground.folder
            )
        return self.stages[profile]

    def baseline(self, mutants: Sequence[Mutant]) -> list[str]:
        wanted = {one.operation for one in mutants} & self.table.plan.requests.keys()
        for profile in self.table.plan.profiles():
            for operation in sorted(wanted):
                self.learn(profile, operation)
        count = sum(map(len, self.before.values()))
        if not count:
            return []
        return [f"the matrix already differs in {count} places; they count for no mutant"]

    @property
    def requests(self) -> set[str]:
        """Operations that the matrix asks."""
        return set(self.table.plan.requests)

    def learn(self, profile: Profile, operation: str) -> None:
        """What differs without any mutant; asked once."""
        if (profile, operation) not in self.before:
            self.before[profile, operation] = {
                key
                for cell, _ in play.ask(self.table, self.stage(profile), [operation])
                for key in keys_of(cell)
            }

    def seek(self, mutant: Mutant, path: Path) -> MutantTrial:
        trial = MutantTrial()
        if mutant.operation not in self.table.plan.requests:
            trial.verdict = MutantVerdict.NOT_ASKED
            return trial
        for profile in self.table.plan.profiles():
            before = self.before[profile, mutant.operation]
            with replace_ported(self.stage(profile), (path,)) as stage:
                for cell, _ in play.ask(self.table, stage, [mutant.operation]):
                    trial.exchanges += 1
                    if keys_of(cell) - before:
                        trial.verdict = MutantVerdict.DETECTED
                        trial.places = places(_unwaived(cell))
                        return trial
        return trial

    def close(self) -> None:
        for stage in self.stages.values():
            stage.close()
        self.made.close()


def _unwaived(cell: Cell) -> list[Finding]:
    # letting somebody in is red although a waiver may cover each of its places
    return [
        one for one in cell.findings if one.waiver is None or cell.verdict is CellVerdict.LETS_IN
    ]


def keys_of(cell: Cell) -> set[Key]:
    if cell.verdict not in _RED:
        return set()
    return {
        (cell.operation, cell.setting, cell.column, cell.whose, finding.difference.place)
        for finding in _unwaived(cell)
    }
