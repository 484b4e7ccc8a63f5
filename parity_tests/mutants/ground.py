"""Pairs of stacks that stay open over all mutants; only the ported process is replaced for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Protocol

from parity_core.compare import waivers
from parity_core.files import rules_toml, waivers_toml
from parity_core.model import Difference, Finding, Pair
from parity_tests.config import Config
from parity_tests.journeys.model import Journey, Profile
from parity_tests.mutants.model import Mutant, MutantTrial
from parity_tests.operations import Census, CensusMatcher
from parity_tests.stage import databases
from parity_tests.stage.databases import Databases
from parity_tests.stage.process import StackError
from parity_tests.stage.stage import Stage, open_stage, replace_ported

_MOST = 8
"""Places of one mutant that are worth telling."""


class MutantListener(Protocol):
    """Told of progress, while there is some."""

    def message(self, text: str) -> None: ...


class QuietListener:
    """Mutants are tried in silence; the line per mutant is progress enough."""

    def message(self, text: str) -> None: ...
    def journey(self, journey: Journey, number: int, total: int) -> None: ...
    def pair(self, pair: object, findings: object) -> None: ...
    def journey_done(self, journey: Journey, seconds: float) -> None: ...


class Seeker(Protocol):
    """One part of the comparison, looking for bugs."""

    def baseline(self, mutants: Sequence[Mutant]) -> list[str]:
        """Learns what differs without any mutant, which proves nothing about one; notes about it."""

    def seek(self, mutant: Mutant, path: Path) -> MutantTrial:
        """Until something is red; `path` goes before the port's own. StackError if it does not start."""

    def close(self) -> None: ...


class Ground:
    """What all parts need: census, rules, waivers, and a seeded database of their own."""

    def __init__(
        self, config: Config, census: Census, database: str, folder: Path, today: date
    ) -> None:
        self.config = config
        self.census = census
        self.database = database
        self.kind = database.partition("=")[0].partition(":")[0]
        self.folder = folder
        self.today = today
        self.matcher = CensusMatcher(census.operations)
        self.rules = rules_toml.load(config.rules, self.kind)
        self.waivers = waivers_toml.load(config.waivers)
        self._made = 0

    def databases(self, name: str, config: Config | None = None) -> Databases:
        """Seeded by the configuration; another each time, also for the same name."""
        self._made += 1
        folder = self.folder / f"{name}{self._made}"
        folder.mkdir()
        prefix = f"parity_{self.folder.name.rpartition('-')[2]}_{folder.name}"
        made = databases.create(self.database, folder, prefix)
        made.seed(config or self.config)
        return made

    def open(self, made: Databases, profile: Profile, name: str) -> Stage:
        return open_stage(self.config, profile, made, name, self.folder)

    def judged(self, pair: Pair, differences: Sequence[Difference]) -> list[Finding]:
        return waivers.accept(self.waivers, pair, differences, self.kind, self.today)

    def unwaived(self, pair: Pair, differences: Sequence[Difference]) -> list[Finding]:
        return [one for one in self.judged(pair, differences) if one.waiver is None]


@contextmanager
def planted(stage: Stage, path: Path) -> Iterator[Stage]:
    """The stage with a ported process that runs the mutant. StackError when it does not start, twice."""
    with ExitStack() as stack:
        try:
            stack.enter_context(replace_ported(stage, (path,)))
        except StackError:
            # a loaded machine may be slower than the time that a stack has to start
            stack.enter_context(replace_ported(stage, (path,)))
        yield stage


def places(findings: Sequence[Finding]) -> list[str]:
    lines = [f"{f.pair.operation.label} · {f.difference.place}" for f in findings]
    return list(dict.fromkeys(lines))[:_MOST]
