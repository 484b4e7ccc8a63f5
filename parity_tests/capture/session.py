"""The use case: a capture in, a report out. Prints nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from parity_core.capture.fingerprint import FingerprintKey, read_key
from parity_core.capture.record import Recorded
from parity_core.compare import waivers
from parity_core.compare.correspond import Correspondence
from parity_core.compare.rules import Rule, RuleKind, Rules
from parity_core.files import rules_toml, waivers_toml
from parity_core.model import ParityError, Side, Waiver
from parity_tests.capture import read, settings
from parity_tests.capture.ids import Ids
from parity_tests.capture.opening import opened
from parity_tests.capture.options import ReplayOptions
from parity_tests.capture.player import NAME, STRANGER, CapturePlayer, Played
from parity_tests.capture.schedule import ScheduledBatch, ScheduledExchange, batches
from parity_tests.capture.state import State
from parity_tests.capture.store import DiskMap, Latest
from parity_tests.capture.tally import ReplayTally
from parity_tests.capture.users import Users
from parity_tests.config import Config
from parity_tests.operations import CensusMatcher
from parity_tests.report.listening import Listener
from parity_tests.report.results import Report
from parity_tests.run.confirm import mute, silence
from parity_tests.stage.process import StackError
from parity_tests.stage.stage import Stage
from parity_tests.stage.workplace import load_census, workplace

_TIMES = 50_000
"""Moments whose partners are remembered; the ids all are, on disk."""
_PLACES = 50_000
_EVERY = 10.0
"""Seconds between two words of progress."""


def replay(config: Config, options: ReplayOptions, listener: Listener) -> Report:
    started = time.monotonic()
    capture = read.open_capture(options.captures)
    capture_settings = settings.load(config)
    accepted = waivers_toml.load(config.waivers)
    census = load_census(config, listener)
    name = options.database.partition("=")[0].partition(":")[0]
    report = Report(config.name, name, census, journeys=1)
    with ExitStack() as stack:
        folder = stack.enter_context(workplace(options.keep, report.notes))
        on_own = not (options.legacy and options.ported)
        state = State(options.state, folder, on_own and options.database == "sqlite")
        stack.callback(state.close)
        _check(state, capture, config, options)
        tally = ReplayTally(report)
        report.notes += state.recover(tally)
        stage = opened(config, options, state, folder, listener, stack)
        if not options.rows or not stage.reads_rows:
            report.notes.append("rows were not compared")
        matcher = CensusMatcher(census.operations)
        play = CaptureReplay(
            config, options, listener, stage, state, tally, matcher, capture_settings, accepted,
            bounded(rules_toml.load(config.rules, name)), _key(options),
        )  # fmt: skip
        play.run(capture)
    report.notes += [*capture.problems, *tally.notes()]
    if tally.drifted > options.max_drift and not report.broken:
        report.broken.append(
            f"{NAME}: {tally.drifted:.0%} of the legacy's replies have another status than recorded, so "
            "this is not what was recorded: start from the database of that time (--seed), tell who is "
            "who (--user), or allow it (--max-drift)"
        )
    elif tally.left_out > options.max_drift and not report.broken:
        report.broken.append(
            f"{NAME}: {tally.left_out:.0%} of the exchanges were not replayed (the notes say why), so the "
            "rest says little: --max-drift allows more"
        )
    elif not report.exchanges and not report.broken:
        report.broken.append(f"{NAME}: there is no exchange in the capture")
    report.waiver_problems = waivers.problems(accepted, report.database, options.today, False)
    report.seconds = time.monotonic() - started
    return report


def _check(
    state: State, capture: read.CaptureReader, config: Config, options: ReplayOptions
) -> None:
    if state.is_done:
        raise ParityError(
            f"{options.state} is the state of a replay that reached its end: remove it to start anew"
        )
    if options.state and options.database == "postgresql":
        raise ParityError(
            "--state needs databases that outlive this run: --database sqlite, --database "
            "postgresql=URL, or running stacks"
        )
    database = options.database if not options.legacy else f"{options.legacy} {options.ported}"
    state.check(
        capture=capture.digest, configuration=str(config.path), database=database,
        seed=options.seed or "",
    )  # fmt: skip


def _key(options: ReplayOptions) -> FingerprintKey | None:
    if text := os.environ.get("CUTOVER_CAPTURE_KEY"):
        return FingerprintKey(text.encode())
    folders = [path if path.is_dir() else path.parent for path in options.captures]
    return next((key for folder in folders if (key := read_key(folder))), None)


class bounded(Rules):  # noqa: N801 - used as a function: rules that forget
    """Rules that remember a bounded number of answers: replies of a million exchanges have many places."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules._rules, rules._lists, rules.ignored_headers, rules.json_endings)

    def of(self, operation: str, place: str) -> Rule | None:
        if len(self._matched) > _PLACES:
            self._matched.clear()
        return super().of(operation, place)


@dataclass
class CaptureReplay:
    """One capture in progress, on a stage that is ready."""

    config: Config
    options: ReplayOptions
    listener: Listener
    stage: Stage
    state: State
    tally: ReplayTally
    matcher: CensusMatcher
    capture_settings: settings.CaptureSettings
    waivers: list[Waiver]
    rules: Rules
    key: FingerprintKey | None

    def run(self, capture: read.CaptureReader) -> None:
        state, stage = self.state, self.stage
        self.ids = Ids(self.rules, self.capture_settings.ids, DiskMap(state.store, "ids"))
        users = Users(
            self.config, self.capture_settings, self.ids,
            {Side.LEGACY: stage.legacy.known, Side.PORTED: stage.ported.known},
            stage.environment, named=self.options.users, everybody=self.options.everybody, key=self.key,
        )  # fmt: skip
        correspondence = self._correspondence()
        player = CapturePlayer(
            stage, self.rules, self.matcher, self.ids, users, correspondence, self.options.parallel
        )
        entries = islice(numbered(capture), state.position, self.options.limit)
        begun = time.monotonic()
        with player, _told_to_stop() as is_told:
            try:
                self._play(player, self._batches(entries), is_told)
            except StackError as error:
                self.tally.report.broken.append(f"{NAME}: {error}")
            finally:
                self.tally.report.replay_seconds += time.monotonic() - begun

    def _play(
        self, player: CapturePlayer, wanted: Iterator[ScheduledBatch], is_told: Callable[[], bool]
    ) -> None:
        spoken = time.monotonic()
        for batch in wanted:
            last = batch.entries[-1].number
            self.state.before(last)
            is_red = False
            for played in player.play(batch):
                if played.pair is None:
                    self._skip(played)
                    continue
                findings = waivers.accept(
                    self.waivers, played.pair, played.differences, self.tally.report.database,
                    self.options.today,
                )  # fmt: skip
                if mute(played.pair):
                    # a capture goes on from what it did: it can not be played again to be sure
                    played.pair.unclear = silence(played.pair)
                    findings = [one for one in findings if one.waiver is not None]
                is_red = is_red or any(finding.waiver is None for finding in findings)
                recorded = played.entry.exchange if played.entry else None
                self.tally.add(played.pair, findings, recorded)
                self.listener.pair(played.pair, findings)
            stops = is_told() or (is_red and self.options.fail_fast)
            self.state.after(last, self.tally, self._files(), end=stops)
            if stops:
                self._stop(last, is_told())
                return
            if time.monotonic() - spoken > _EVERY:
                spoken = time.monotonic()
                self.listener.message(self._progress(last))
        if self.options.limit is None:
            self.state.done()
        else:
            self.state.after(self.state.position, self.tally, self._files(), end=True)

    def _skip(self, played: Played) -> None:
        user = played.entry.exchange.user if played.entry else None
        self.tally.skip(played.skipped, user if played.skipped == STRANGER else None)

    def _batches(self, entries: Iterable[ScheduledExchange]) -> Iterator[ScheduledBatch]:
        def label(exchange: Recorded) -> str:
            return self.matcher.match(exchange.method, exchange.path).label

        return batches(
            entries, self.options.parallel, self.options.order,
            lambda exchange: self.ids.made(label(exchange), exchange.reply_body.content),
            lambda exchange: self.ids.used(
                label(exchange), exchange.target, exchange.request_body.content
            ),
        )  # fmt: skip

    def _correspondence(self) -> Correspondence:
        """Bounded in memory, but for ids complete; what the seed has is the same on both sides."""
        store = self.state.store
        correspondence = Correspondence(
            secrets=self.stage.environment,
            _forth=DiskMap(store, "forth"),  # type: ignore[arg-type]  # a mapping, on disk
            _back=DiskMap(store, "back"),  # type: ignore[arg-type]
            _times=Latest(_TIMES),
        )
        reader = None if self.state.goes_on else self.stage.legacy.reader
        for table, column, values in reader.keys() if reader else ():
            rule = self.rules.of("", f"rows/{table}/0/{column}")
            if rule and rule.kind is RuleKind.ID:
                for value in values:
                    correspondence.meet(rule.namespace, value, value)
        return correspondence

    def _files(self) -> dict[str, Path]:
        """The databases of this run, where they are files."""
        return {
            f"{NAME}_{world.side}": Path(make_url(world.url).database or "")
            for world in (self.stage.legacy, self.stage.ported)
            if world.url.startswith("sqlite")
        }

    def _stop(self, last: int, by_signal: bool) -> None:
        if self.state.is_kept:
            how = "the same command goes on from there"
        else:
            how = "with --state FILE the next run could go on from there"
        why = "stopped by a signal" if by_signal else "stopped at the first difference"
        text = f"{why} after {last} exchanges of the capture; {how}"
        if by_signal:
            self.tally.report.broken.append(f"{NAME}: {text}")
        else:
            self.tally.report.notes.append(text)

    def _progress(self, last: int) -> str:
        report = self.tally.report
        counts = f"{last} exchanges, {sum(o.differences for o in report.operations.values())} differences"
        return f"{counts}, {self.tally.skipped.total()} left out"


def numbered(capture: Iterable[Recorded]) -> Iterator[ScheduledExchange]:
    for number, exchange in enumerate(capture, 1):
        yield ScheduledExchange(number, exchange)


@contextmanager
def _told_to_stop() -> Iterator[Callable[[], bool]]:
    """A first signal lets the batch end; a second one does not wait."""
    got: list[int] = []
    before: dict[int, Any] = {}

    def note(number: int, _: object) -> None:
        if got:
            raise KeyboardInterrupt
        got.append(number)

    try:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before[one] = signal.signal(one, note)
    except ValueError:
        pass  # not the main thread: whoever runs us decides
    try:
        yield lambda: bool(got)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
