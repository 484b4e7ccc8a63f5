"""The use case: plays the journeys once on the port as it is, and keeps what each exchange executed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from parity_core.compare import waivers
from parity_core.files import rules_toml, waivers_toml
from parity_core.model import ParityError
from parity_tests.config import Config
from parity_tests.journeys import read as journey_files
from parity_tests.journeys.model import Journey
from parity_tests.operations import CensusMatcher
from parity_tests.reach.model import FileReach, Reach, ReachedBy, digests, read, write
from parity_tests.reach.process import LineRecorder, collected, connected, recorded
from parity_tests.report.listening import Voice
from parity_tests.run.replay import replay
from parity_tests.run.use_case import by_profile
from parity_tests.stage import databases
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage, open_stage
from parity_tests.stage.workplace import load_census, workplace

PART = "journeys"


def journey_digests(journeys: Sequence[Journey]) -> dict[str, str]:
    files = {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in {one.path for one in journeys}
    }
    return {one.name: files[one.path] for one in journeys}


def completed(config: Config, source: Path, database: str, path: Path, listener: Voice) -> Reach:
    """What was recorded before, with what journeys that are new or have changed execute; else all anew."""
    # which lines a request reaches is nearly the same on each database: a recording that is named is taken
    reach, why = kept(path, source)
    if reach is None:
        listener.message(f"recording what the journeys reach: {why}")
        reach = record(config, source, database, listener)
        write(reach, path)
        return reach
    every = journey_files.load_all(config.journeys, (), config.users, registry.provided)
    now = journey_digests([one for one in every if not registry.missing(one.profile.services)])
    new = [name for name, sha in now.items() if reach.played.get(name) != sha]
    if new:
        listener.message(f"recording what new journeys reach: {', '.join(new)}")
        reach.add(record(config, source, database, listener, new))
        write(reach, path)
    return reach


@dataclass
class ReachLog:
    """What the exchanges were that processes record under their numbers."""

    asked: list[ReachedBy] = field(default_factory=list)
    recorder: LineRecorder | None = None

    def next(self, one: ReachedBy) -> None:
        """Ends the exchange that was recorded last, and says what it was."""
        self.asked.append(one)
        self.open()

    def open(self) -> None:
        assert self.recorder is not None
        self.recorder.switch(str(len(self.asked)))


def kept(path: Path, source: Path) -> tuple[Reach | None, str]:
    """What was recorded before, if it is still true; else why it is not."""
    if not path.exists():
        return None, "nothing was recorded yet"
    try:
        reach = read(path)
    except ParityError as error:
        return None, str(error)
    now = digests(source)
    changed = sorted(name for name, _ in reach.digests.items() ^ now.items())
    if changed:
        return None, f"{changed[0]} has changed since {path} was recorded"
    return reach, ""


def record(
    config: Config,
    source: Path,
    database: str,
    listener: Voice,
    globs: Sequence[str] = (),
    today: date | None = None,
) -> Reach:
    """`database` as for `parity run`; only what the journeys that match the globs execute."""
    wanted = journey_files.load_all(config.journeys, globs, config.users, registry.provided)
    census = load_census(config, listener)
    kind = database.partition("=")[0].partition(":")[0]
    reach = Reach(kind, digests(source), parts=[PART])
    log = ReachLog()
    with workplace(keep=False) as folder:
        made = databases.create(database, folder, f"parity_{folder.name.rpartition('-')[2]}")
        with closing(made):
            listener.message(f"seeding a {made.name} database")
            made.seed(config)
            for number, (profile, group) in enumerate(by_profile(wanted).items()):
                if lack := registry.missing(profile.services):
                    listener.message(f"not recorded: {lack}")
                    continue
                listener.message(f"recording {len(group)} journeys: {profile}")
                name = f"r{number}"
                traced, address = recorded(config, source, folder, name)
                with (
                    open_stage(traced, profile, made, name, folder) as stage,
                    connected(address) as log.recorder,
                ):
                    player = _Player(config, kind, stage, CensusMatcher(census.operations), today)
                    for journey in group:
                        player.play(journey, log, reach)
                        listener.message(f"{len(log.asked)} exchanges recorded: {journey.name}")
                    # how it stops is no exchange either
                    log.recorder.switch("end")
        reach.asked = log.asked
        reach.played = {
            name: sha for name, sha in journey_digests(wanted).items() if name in reach.seconds
        }
        gather(reach, folder, source)
    return reach


class _Player:
    def __init__(
        self, config: Config, kind: str, stage: Stage, matcher: CensusMatcher, today: date | None
    ) -> None:
        self.rules = rules_toml.load(config.rules, kind)
        self.waivers = waivers_toml.load(config.waivers)
        self.kind = kind
        self.stage = stage
        self.matcher = matcher
        self.today = today or date.today()

    def play(self, journey: Journey, log: ReachLog, reach: Reach) -> None:
        begun = time.monotonic()
        # what starts and resets the stage is no exchange of a journey
        log.open()
        try:
            for pair, differences in replay(journey, self.stage, self.rules, self.matcher):
                log.next(ReachedBy(PART, journey.name, pair.step, pair.operation.label))
                judged = waivers.accept(self.waivers, pair, differences, self.kind, self.today)
                reach.differences += [
                    (journey.name, pair.step, one.difference.place)
                    for one in judged
                    if one.waiver is None
                ]
        except ParityError as error:
            raise ParityError(
                f"a journey breaks on the port as it is: {journey.name}: {error}"
            ) from None
        finally:
            reach.seconds[journey.name] = round(time.monotonic() - begun, 2)


def gather(reach: Reach, folder: Path, source: Path) -> None:
    """Adds what the processes recorded in the folder."""
    last = len(reach.asked)
    for name, file in collected(folder, source).items():
        numbers = {
            line: sorted(int(one) for one in names if one.isdigit() and int(one) < last)
            for line, names in file.lines.items()
        }
        reach.files[name] = FileReach(
            {line: exchanges for line, exchanges in numbers.items() if exchanges},
            sorted(line for line, names in file.lines.items() if "" in names),
            list(file.missing_lines),
            list(file.missing_branches),
            file.statements,
            file.branches,
        )
