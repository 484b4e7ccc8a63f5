"""The use case: journeys in, a report out. Prints nothing."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

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
from parity_tests.run.replay import replay
from parity_tests.stage import databases
from parity_tests.stage.databases import Databases
from parity_tests.stage.process import StackError
from parity_tests.stage.services import registry
from parity_tests.stage.stage import Stage, join_stage, open_stage
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
    learned: Path | None = None
    """Rules that `parity calibrate` wrote."""
    today: date = field(default_factory=date.today)


def run(config: Config, options: RunOptions, listener: Listener) -> Report:
    """Plays the journeys on both stacks. Raises ParityError when the run can not be done at all."""
    started = time.monotonic()
    options = _addressed(config, options)
    wanted = journeys.load_all(config.journeys, options.journeys, config.users, registry.provided)
    census = load_census(config, listener)
    accepted = waivers_toml.load(config.waivers)
    database = options.database.partition("=")[0].partition(":")[0]
    report = Report(config.name, database, census, waivers=accepted)
    learned = learned_toml.load(options.learned, options.today) if options.learned else Learned()
    session = RunSession(
        config,
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
    rules: rules.Rules
    matcher: CensusMatcher
    waivers: list[Waiver]
    report: Report
    learned: Learned = field(default_factory=Learned)

    def play(self, stage: Stage, journey: Journey, options: RunOptions, listener: Listener) -> bool:
        """False when the run should stop here."""
        begun = time.monotonic()
        self.report.journeys += 1

        def judge(pair: Pair, differences: list[Difference]) -> list[Finding]:
            left = self.learned.left(pair, differences)
            return self._findings(pair, left, options.today)

        confirming = Confirming(stage, self.rules, self.matcher, judge)
        played: Iterator[tuple[Pair, list[Finding]]] = (
            confirming.play(journey)
            if options.confirm
            else ((p, judge(p, d)) for p, d in replay(journey, stage, self.rules, self.matcher))
        )
        try:
            for pair, findings in played:
                self.report.add(pair, findings)
                listener.pair(pair, findings)
                if options.fail_fast and any(finding.waiver is None for finding in findings):
                    return False
            stage.still_logged_in()
        except StackError:
            raise
        except ParityError as error:
            self.report.broken.append(f"{journey.name}: {error}")
            return not options.fail_fast
        finally:
            self.report.retried += confirming.notes
            self.report.unclear += confirming.failures
            seconds = time.monotonic() - begun
            self.report.replay_seconds += seconds
            listener.journey_done(journey, seconds)
        return True

    def compare_seeds(self, made: Databases, options: RunOptions) -> bool:
        """False when they differ."""
        pair, differences = first(self.config, made, self.rules)
        findings = self._findings(pair, differences, options.today)
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
    number = 0
    complete = True
    groups: dict[Profile, list[Journey]] = {}
    for profile, group in by_profile(wanted).items():
        if lack := registry.missing(profile.services):
            _leave_out(group, lack, session.report)
            complete = False
        else:
            groups[profile] = group
    try:
        listener.message(f"seeding a {made.name} database")
        made.seed(session.config)
        if session.config.seed.legacy:
            listener.message("seeding another by the legacy's own commands")
            if not session.compare_seeds(made, options) and options.fail_fast:
                return False
        with closing(_opened_ahead(session.config, list(groups), made, folder, listener)) as stages:
            for profile, opening in stages:
                try:
                    with opening.result() as stage:
                        for journey in groups[profile]:
                            number += 1
                            listener.journey(journey, number, len(wanted))
                            if not session.play(stage, journey, options, listener):
                                return False
                except StackError as error:
                    # what was seen before, and other profiles, are still worth telling
                    session.report.broken.append(f"{profile}: {error}")
                    if options.fail_fast:
                        return False
    finally:
        if not options.keep:
            made.close()
    return complete


def _opened_ahead(
    config: Config,
    profiles: Sequence[Profile],
    made: Databases,
    folder: Path,
    listener: Listener,
) -> Generator[tuple[Profile, Future[Stage]]]:
    """The stages of the profiles, each started while the one before it is played.

    Whoever takes a stage closes it; one that nobody came for is closed here.
    """
    with ThreadPoolExecutor(1, "parity-opening") as thread:
        waiting: deque[Future[Stage]] = deque()

        def start(index: int) -> None:
            if index < len(profiles):
                waiting.append(
                    thread.submit(open_stage, config, profiles[index], made, f"p{index}", folder)
                )

        try:
            start(0)
            for index, profile in enumerate(profiles):
                # it stays among the waiting until it is handed over: an interruption closes it, too
                opening = waiting[0]
                listener.message(f"starting both stacks: {profile}")
                wait_for([opening])
                start(index + 1)
                waiting.popleft()
                yield profile, opening
        finally:
            for opening in waiting:
                if not opening.cancel() and opening.exception() is None:
                    opening.result().close()


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
            if not session.play(stage, journey, options, listener):
                return False
    return len(plain) == len(wanted)
