"""Plants one bug at a time in a copy of the port, and checks that the journeys find it.

The legacy and both databases stay; only the ported process is replaced, and rows are put back.
"""

from __future__ import annotations

import json
import shutil
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from parity_tests import databases, journeys, rules, waivers
from parity_tests.config import Config
from parity_tests.model import Exit, Finding, Journey, ParityError, Profile
from parity_tests.operations import Census, Matcher
from parity_tests.places import place_matches
from parity_tests.run import Listener, Options, Report, Session, by_profile, load_census, workplace
from parity_tests.stacks import StackError
from parity_tests.stage import Stage, open_stage, replace_ported

_REQUIRED = {"id", "about", "file", "find", "replace", "operation", "place", "journeys"}


@dataclass(frozen=True)
class Mutant:
    id: str
    about: str
    file: str
    """As the ported package's own folder is called in a source tree: `shop/prices.py`."""
    find: str
    replace: str
    operation: str
    place: str
    journeys: tuple[str, ...]


class Verdict(StrEnum):
    FOUND = "found"
    ELSEWHERE = "red, but not there"
    MISSED = "missed"
    BROKEN = "did not run"


@dataclass
class Outcome:
    mutant: Mutant
    verdict: Verdict
    exchanges: int = 0
    seconds: float = 0.0
    seen: list[str] = field(default_factory=list)
    """`operation · place` of what turned red, the first few."""
    problem: str = ""


@dataclass
class Result:
    outcomes: list[Outcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def found(self) -> int:
        return sum(outcome.verdict is Verdict.FOUND for outcome in self.outcomes)

    @property
    def exit(self) -> Exit:
        if any(outcome.verdict is Verdict.BROKEN for outcome in self.outcomes):
            return Exit.COULD_NOT_RUN
        return Exit.SAME if self.found == len(self.outcomes) else Exit.DIFFERENT


def load(path: Path, only: Sequence[str] = ()) -> list[Mutant]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParityError(f"the mutants can not be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ParityError(f"{path}: {error}") from None
    mutants = []
    for number, entry in enumerate(data.get("mutant", ()), 1):
        wrong = entry.keys() ^ _REQUIRED
        if wrong:
            raise ParityError(
                f"{path}: mutant {number}: missing or unknown: {', '.join(sorted(wrong))}"
            )
        mutants.append(Mutant(**{**entry, "journeys": tuple(entry["journeys"])}))
    known = [mutant.id for mutant in mutants]
    unknown = set(only) - set(known)
    if unknown:
        raise ParityError(f"no mutant {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if len(set(known)) < len(known):
        raise ParityError(f"{path}: two mutants have the same id")
    found = [mutant for mutant in mutants if not only or mutant.id in only]
    if not found:
        raise ParityError(f"{path} has no mutant")
    return found


def package_folder(config: Config) -> Path:
    """Where the ported package lies, found without importing it."""
    name = config.ported.source
    if not name:
        raise ParityError(f"{config.path}: [ported] source, the package to change, is missing")
    for folder in config.ported.pythonpath:
        if (folder / name).is_dir():
            return folder / name
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ParityError(f"the package {name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def changed(config: Config, mutant: Mutant) -> str:
    """The file's text with the bug in it; the text to find must be there exactly once."""
    file = package_folder(config).parent / mutant.file
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ParityError(f"mutant {mutant.id}: {error}") from None
    count = text.count(mutant.find)
    if count != 1:
        raise ParityError(
            f"mutant {mutant.id}: its text occurs {count} times in {mutant.file}, must be once:\n"
            f"{mutant.find}"
        )
    if mutant.find == mutant.replace:
        raise ParityError(f"mutant {mutant.id} changes nothing")
    return text.replace(mutant.find, mutant.replace)


def check(config: Config, mutants: Sequence[Mutant]) -> None:
    problems = []
    for mutant in mutants:
        try:
            changed(config, mutant)
        except ParityError as error:
            problems.append(str(error))
    if problems:
        raise ParityError("mutants that do not apply:\n" + "\n".join(problems))


def plant(config: Config, mutant: Mutant, folder: Path) -> Path:
    """A copy of the package with the bug; the folder to put first on PYTHONPATH."""
    source = package_folder(config)
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in config.ported.beside:
        (folder / name).symlink_to(source.parent / name)
    (folder / mutant.file).write_text(changed(config, mutant), encoding="utf-8")
    return folder


class _Nobody:
    """Mutants replay in silence; the line per mutant is progress enough."""

    def say(self, text: str) -> None: ...
    def journey(self, journey: Journey, number: int, total: int) -> None: ...
    def pair(self, pair: object, findings: object) -> None: ...
    def journey_done(self, journey: Journey, seconds: float) -> None: ...


Seen = set[tuple[str, int, str]]


class _Nursery:
    """Stages that stay open over all mutants, one per profile."""

    def __init__(
        self, config: Config, made: databases.Databases, folder: Path, listener: Listener
    ) -> None:
        self.config = config
        self.made = made
        self.folder = folder
        self.census: Census = load_census(config, listener)
        self.stages: dict[Profile, Stage] = {}

    def stage(self, profile: Profile) -> Stage:
        if profile not in self.stages:
            name = f"m{len(self.stages)}"
            self.stages[profile] = open_stage(self.config, profile, self.made, name, self.folder)
        return self.stages[profile]

    def replay(self, wanted: Sequence[Journey], stage: Stage) -> Report:
        config = self.config
        report = Report(config.name, self.made.name, self.census)
        session = Session(
            config,
            rules.load(config.rules),
            Matcher(self.census.operations),
            waivers.load(config.waivers),
            report,
        )
        for journey in wanted:
            session.play(stage, journey, Options(), _Nobody())
        return report

    def close(self) -> None:
        for stage in self.stages.values():
            stage.close()


def _key(finding: Finding) -> tuple[str, int, str]:
    return finding.pair.journey, finding.pair.step, finding.difference.place


def run(config: Config, mutants: Sequence[Mutant], database: str, listener: Listener) -> Result:
    check(config, mutants)
    wanted = {m.id: journeys.load_all(config.journeys, m.journeys, config.users) for m in mutants}
    result = Result()
    with workplace(keep=False) as folder:
        made = databases.create(database, folder, f"parity_{folder.name.rpartition('-')[2]}")
        nursery = _Nursery(config, made, folder, listener)
        try:
            listener.say(f"seeding a {made.name} database")
            made.seed(config)
            every = {journey.name: journey for group in wanted.values() for journey in group}
            listener.say(f"replaying {len(every)} journeys on the port as it is")
            before = _baseline(nursery, list(every.values()), result)
            for number, mutant in enumerate(mutants, 1):
                outcome = _try(nursery, mutant, wanted[mutant.id], before, folder / "mutant")
                result.outcomes.append(outcome)
                told = f"{number}/{len(mutants)} {mutant.id}: {outcome.verdict}"
                listener.say(f"{told} ({outcome.exchanges} exchanges, {outcome.seconds:.1f} s)")
        finally:
            nursery.close()
            made.close()
    return result


def _baseline(nursery: _Nursery, wanted: Sequence[Journey], result: Result) -> Seen:
    """What differs without any mutant proves nothing about one."""
    seen: Seen = set()
    for profile, group in by_profile(wanted).items():
        report = nursery.replay(group, nursery.stage(profile))
        if report.broken:
            raise ParityError("journeys break on the port as it is:\n" + "\n".join(report.broken))
        seen |= {_key(finding) for finding in report.differences}
    if seen:
        result.notes.append(
            f"the port as it is already differs in {len(seen)} places; they count for no mutant"
        )
    return seen


def _try(
    nursery: _Nursery, mutant: Mutant, wanted: Sequence[Journey], before: Seen, folder: Path
) -> Outcome:
    begun = time.monotonic()
    outcome = Outcome(mutant, Verdict.MISSED)
    path = plant(nursery.config, mutant, folder)
    red: list[Finding] = []
    for profile, group in by_profile(wanted).items():
        try:
            with replace_ported(nursery.stage(profile), (path,)) as stage:
                report = nursery.replay(group, stage)
        except StackError as error:
            outcome.verdict, outcome.problem = Verdict.BROKEN, str(error)
            continue
        outcome.exchanges += report.exchanges
        red += [finding for finding in report.differences if _key(finding) not in before]
    if red and outcome.verdict is not Verdict.BROKEN:
        there = any(
            finding.pair.operation.label == mutant.operation
            and place_matches(mutant.place, finding.difference.place)
            for finding in red
        )
        outcome.verdict = Verdict.FOUND if there else Verdict.ELSEWHERE
    told = [f"{f.pair.operation.label} · {f.difference.place}" for f in red]
    outcome.seen = list(dict.fromkeys(told))[:8]
    outcome.seconds = time.monotonic() - begun
    return outcome


def table(result: Result) -> Table:
    view = Table("mutant", "about", "expected at", "verdict", "exchanges", "s", show_lines=True)
    for outcome in result.outcomes:
        mutant, good = outcome.mutant, outcome.verdict is Verdict.FOUND
        verdict = f"[{'green' if good else 'bold red'}]{outcome.verdict}[/]"
        if not good:
            told = "seen: " + "; ".join(outcome.seen) if outcome.seen else ""
            if outcome.problem:
                told = "\n".join(
                    [outcome.problem.splitlines()[0], *outcome.problem.splitlines()[-4:]]
                )
            verdict += f"\n{escape(told)}"
        view.add_row(
            escape(mutant.id),
            escape(mutant.about),
            escape(f"{mutant.operation}\n{mutant.place}"),
            verdict,
            str(outcome.exchanges),
            f"{outcome.seconds:.1f}",
        )
    return view


def render_json(result: Result) -> str:
    document = {
        "found": result.found,
        "total": len(result.outcomes),
        "notes": result.notes,
        "mutants": [asdict(outcome) for outcome in result.outcomes],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
