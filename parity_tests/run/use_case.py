"""The use case: journeys in, a report out. Prints nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from threading import Lock

from parity_core.compare import rules, waivers
from parity_core.compare.learned import Learned
from parity_core.files import learned_toml, rules_toml, waivers_toml
from parity_core.model import Difference, Finding, Pair, ParityError, Waiver
from parity_tests.config import Config
from parity_tests.journeys import read as journeys
from parity_tests.journeys.model import Journey, Profile
from parity_tests.operations import CensusMatcher
from parity_tests.report.listening import Listener
from parity_tests.report.results import Report
from parity_tests.run.confirm import Confirming
from parity_tests.run.first import first
from parity_tests.run.lanes import Lanes, Turn, usual_lanes
from parity_tests.run.playing import Event, JourneyEnd, Judged
from parity_tests.run.replay import replay
from parity_tests.stage import databases
from parity_tests.stage.databases import Databases
from parity_tests.stage.process import StackError
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage, join_stage, open_stage, prepare
from parity_tests.stage.workplace import load_census, workplace


@dataclass(frozen=True)
class RunOptions:
    database: str = "sqlite"
    journeys: tuple[str, ...] = ()
    fail_fast: bool = False
    keep: bool = False
    legacy: str | None = None
    ported: str | None = None
    legacy_db: str | None = None
    ported_db: str | None = None
    confirm: bool = True
    """Whether what differs is played again, and counts only when it differs twice."""
    lanes: int | None = None
    """Journeys that are played side by side, each on a pair of stacks of its own; None: as the machine has room."""
    learned: Path | None = None
    """Rules that `parity calibrate` wrote."""
    today: date = field(default_factory=date.today)


def run(config: Config, options: RunOptions, listener: Listener) -> Report:
    """Plays the journeys on both stacks. Raises ParityError when the run can not be done at all."""
    started = time.monotonic()
    options = _addressed(config, options)
    wanted = journeys.load_all(config.journeys, options.journeys, config.users, registry.provided)
    if not (options.legacy and options.ported):
        prepare(config)
    census = load_census(config, listener)
    accepted = waivers_toml.load(config.waivers)
    database = options.database.partition("=")[0].partition(":")[0]
    report = Report(config.name, database, census, waivers=accepted)
    learned = learned_toml.load(options.learned, options.today) if options.learned else Learned()
    session = RunSession(
        config,
        options,
        rules_toml.load(config.rules, report.database),
        CensusMatcher(census.operations),
        accepted,
        report,
        learned,
    )
    with workplace(options.keep, report.notes) as folder:
        if options.legacy and options.ported:
            complete = _on_running(session, options, wanted, listener)
        else:
            complete = _on_own(session, options, wanted, listener, folder)
    report.notes += learned.notes()
    report.complete = complete and not options.journeys
    complete = report.complete and not report.broken and not report.unclear
    report.waiver_problems = waivers.problems(accepted, report.database, options.today, complete)
    report.seconds = time.monotonic() - started
    return report


def _addressed(config: Config, options: RunOptions) -> RunOptions:
    """With the addresses of stacks that run already, where only the configuration tells them."""
    if options.legacy and options.ported:
        return options
    if bool(config.legacy.url) != bool(config.ported.url):
        raise ParityError("[legacy] and [ported] both have a url, or neither has one")
    return replace(
        options,
        legacy=config.legacy.url,
        ported=config.ported.url,
        legacy_db=options.legacy_db or config.legacy.database,
        ported_db=options.ported_db or config.ported.database,
    )


@dataclass
class RunSession:
    """What stays the same over all journeys of a run."""

    config: Config
    options: RunOptions
    rules: rules.Rules
    matcher: CensusMatcher
    waivers: list[Waiver]
    report: Report
    learned: Learned = field(default_factory=Learned)
    _judging: Lock = field(default_factory=Lock, repr=False)

    def play(self, stage: Stage, journey: Journey) -> Iterator[Event]:
        """Each pair, then the end. The report is not written: several journeys may be played at once."""
        begun = time.monotonic()

        def judge(pair: Pair, differences: list[Difference]) -> list[Finding]:
            # waivers count what they accept
            with self._judging:
                left = self.learned.left(pair, differences)
                return self._findings(pair, left, self.options.today)

        confirming = Confirming(stage, self.rules, self.matcher, judge)
        played: Iterator[Judged] = (
            confirming.play(journey)
            if self.options.confirm
            else ((p, judge(p, d)) for p, d in replay(journey, stage, self.rules, self.matcher))
        )
        failure: BaseException | None = None
        try:
            yield from played
            stage.still_logged_in()
        except ParityError as error:
            failure = error
        yield JourneyEnd(time.monotonic() - begun, confirming.notes, confirming.failures, failure)

    def record(self, journey: Journey, events: Iterable[Event], listener: Listener) -> bool:
        """Writes into the report what was observed; False when the run should stop here.

        Raises what is no error of the journey.
        """
        fail_fast = self.options.fail_fast
        begun = time.monotonic()
        self.report.journeys += 1
        for event in events:
            if isinstance(event, JourneyEnd):
                self.report.retried += event.notes
                self.report.unclear += event.failures
                self.report.replay_seconds += event.seconds
                listener.journey_done(journey, event.seconds)
                if event.error is None:
                    continue
                if not event.is_of_the_journey:
                    raise event.error
                self.report.broken.append(f"{journey.name}: {event.error}")
                return not fail_fast
            pair, findings = event
            self.report.add(pair, findings)
            listener.pair(pair, findings)
            if fail_fast and any(finding.waiver is None for finding in findings):
                listener.journey_done(journey, time.monotonic() - begun)
                return False
        return True

    def compare_seeds(self, made: Databases, legacy: str) -> bool:
        """False when they differ; `legacy` is the URL of the one that the legacy's commands have made."""
        pair, differences = first(self.config, made, legacy, self.rules)
        findings = self._findings(pair, differences, self.options.today)
        self.report.add(pair, findings)
        return all(finding.waiver is not None for finding in findings)

    def _findings(
        self, pair: Pair, differences: Iterable[Difference], today: date
    ) -> list[Finding]:
        return waivers.accept(self.waivers, pair, differences, self.report.database, today)


def by_profile(wanted: Sequence[Journey]) -> dict[Profile, list[Journey]]:
    groups: dict[Profile, list[Journey]] = {}
    for journey in wanted:
        groups.setdefault(journey.profile, []).append(journey)
    return groups


def _on_own(
    session: RunSession,
    options: RunOptions,
    wanted: Sequence[Journey],
    listener: Listener,
    folder: Path,
) -> bool:
    made = databases.create(options.database, folder, f"parity_{folder.name.rpartition('-')[2]}")
    complete = True
    groups: dict[Profile, list[Turn]] = {}
    for profile, group in by_profile(wanted).items():
        if lack := registry.missing(profile.services):
            _leave_out(group, lack, session.report)
            complete = False
        else:
            groups[profile] = [Turn(journey) for journey in group]
    try:
        listener.message(f"seeding a {made.name} database")
        with ThreadPoolExecutor(1, "parity-seed") as beside:
            if session.config.seed.legacy:
                listener.message("seeding another by the legacy's own commands")
                legacy = beside.submit(made.seed_by_legacy, session.config)
            else:
                legacy = None
            made.seed(session.config)

            def open_named(profile: Profile, name: str) -> Stage:
                return open_stage(session.config, profile, made, name, folder)

            # a run that stops at the first difference would only have begun more than it needs
            lanes = 1 if options.fail_fast else options.lanes or usual_lanes()
            with Lanes(groups, open_named, session.play, lanes):
                if legacy is not None:
                    same = session.compare_seeds(made, legacy.result())
                    if not same and options.fail_fast:
                        return False
                if not _record_all(session, groups, len(wanted), listener):
                    return False
    finally:
        if not options.keep:
            made.close()
    return complete


def _record_all(
    session: RunSession, groups: Mapping[Profile, Sequence[Turn]], total: int, listener: Listener
) -> bool:
    """In the order of the journeys, whichever was played first; False when the run should stop."""
    number = 0
    for profile, turns in groups.items():
        listener.message(f"starting both stacks: {profile}")
        try:
            for turn in turns:
                turn.wait()
                number += 1
                listener.journey(turn.journey, number, total)
                if not session.record(turn.journey, turn.events(), listener):
                    return False
        except StackError as error:
            # what was seen before, and other profiles, are still worth telling
            session.report.broken.append(f"{profile}: {error}")
            if session.options.fail_fast:
                return False
    return True


def _leave_out(group: Sequence[Journey], lack: str, report: Report) -> None:
    """Journeys whose service this machine can't start are told of; in CI that is a failure."""
    names = ", ".join(journey.name for journey in group)
    if os.environ.get("CI"):
        raise ParityError(f"{names} can not be played: {lack}")
    report.notes.append(f"{names} left out: {lack}")


def _on_running(
    session: RunSession, options: RunOptions, wanted: Sequence[Journey], listener: Listener
) -> bool:
    assert options.legacy
    assert options.ported
    plain = [journey for journey in wanted if journey.profile == Profile()]
    for journey in wanted:
        if journey not in plain:
            session.report.notes.append(
                f"{journey.name} was left out: running stacks can not be given {journey.profile}"
            )
    if not plain:
        raise ParityError("none of the journeys can be played on stacks that run already")
    with join_stage(
        session.config, options.legacy, options.ported, options.legacy_db, options.ported_db
    ) as stage:
        if not stage.reads_rows:
            session.report.notes.append(
                "rows were not compared, and journeys started from what earlier ones left: "
                "give --legacy-db and --ported-db"
            )
        for number, journey in enumerate(plain, 1):
            listener.journey(journey, number, len(plain))
            if not session.record(journey, session.play(stage, journey), listener):
                return False
    return len(plain) == len(wanted)
