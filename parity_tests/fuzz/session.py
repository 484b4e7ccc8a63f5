"""A run in progress: plays what the machine draws, keeps the account, shrinks what differs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Protocol

from parity_core.compare import waivers
from parity_core.model import Difference, Finding, Pair, ParityError, Waiver
from parity_tests.config import Config
from parity_tests.fuzz import save
from parity_tests.fuzz.catalogue import USUAL, FuzzOperation
from parity_tests.fuzz.draw.draft import Draft, plain
from parity_tests.fuzz.drills.distribution import Drill
from parity_tests.fuzz.outcomes import OutcomeVerdict
from parity_tests.fuzz.reach import Corpus
from parity_tests.fuzz.report import FindingKey, FuzzFinding, FuzzReport, add_outcome, key
from parity_tests.fuzz.scene import Scene, Theatre, journey
from parity_tests.fuzz.shrink import Shrinker
from parity_tests.journeys.model import Step
from parity_tests.report.save import save as write_file
from parity_tests.stage.process import StackError


@dataclass(frozen=True)
class FuzzOptions:
    seed: int | None = None
    """None draws one, which the report tells."""
    examples: int | None = None
    exchanges: int | None = None
    seconds: float | None = None
    steps: int = 40
    operations: tuple[str, ...] = ()
    opening: bool = True
    """Whether each operation is first asked as it is configured, and by nobody."""
    database: str = "sqlite"
    profile: str = USUAL
    settings: tuple[tuple[str, str], ...] = ()
    """Over those of the profile."""
    save: Path | None = None
    today: date = field(default_factory=date.today)
    source: Path | None = None
    """Folder of the ported package, when what is reached of it is recorded."""
    guided: bool = False
    """Whether that decides what is drawn next."""
    turn: int = 0
    """Which one of several profiles this is: each is drawn something else."""


class FuzzListener(Protocol):
    """Told of progress, while there is some; may raise Enough."""

    def message(self, text: str) -> None: ...
    def exchange(self, report: FuzzReport) -> None: ...
    def finding(self, fuzz_finding: FuzzFinding) -> None: ...


class FuzzSession:
    """Plays what the machine draws, and keeps the account."""

    def __init__(
        self,
        config: Config,
        options: FuzzOptions,
        theatre: Theatre,
        accepted: list[Waiver],
        report: FuzzReport,
        listener: FuzzListener,
        corpus: Corpus | None = None,
    ) -> None:
        self.config = config
        self.options = options
        self.theatre = theatre
        self.waivers = accepted
        self.report = report
        self.listener = listener
        self.corpus = corpus
        self.asked: list[tuple[FuzzOperation, Draft]] = []
        """Of this scene, so far."""
        self.is_new = False
        """Whether the request that is played reached something that none did before."""
        self.scene: Scene | None = None
        self.last: tuple[Pair, list[Finding]] | None = None
        self.error: BaseException | None = None
        self.skip = False
        """Whether the next example is Hypothesis's first, always the same: the plainest choice each time."""
        self._since = time.monotonic()

    def begin(self) -> None:
        """A scene for the example that starts; none once it is over: what is drawn then is not played."""
        skipped, self.skip, self.scene = self.skip, False, None
        if not skipped and not self.is_over:
            self._guarded(self._begin)

    def _begin(self) -> None:
        self.report.scenes += 1
        self.last = None
        self.asked = []
        self.scene = Scene(self.theatre, self.played)

    def open(self, operations: Sequence[FuzzOperation]) -> None:
        """Every operation once by who may, and once by nobody: chance leaves none out."""
        for operation in operations:
            self.begin()
            draft = plain(operation)
            self.ask(operation, draft)
            self.ask(operation, replace(draft, user=None))

    def drill(self, steps: Sequence[tuple[FuzzOperation, Draft]]) -> None:
        """One scene of requests whose order has a purpose."""
        self.begin()
        for group in _groups(steps):
            if len(group) == 1:
                self.ask(*group[0])
            else:
                self.ask_at_once(group)

    def drill_if_any(self, steps: Drill) -> None:
        if steps:
            self.drill(steps)

    def ask(self, operation: FuzzOperation, draft: Draft) -> None:
        if self.scene is not None and not self.is_over:
            self._guarded(lambda: self._ask(operation, draft))

    def _ask(self, operation: FuzzOperation, draft: Draft) -> None:
        assert self.scene is not None
        self.is_new = False
        self.asked.append((operation, draft))
        self.scene.ask(operation, draft)
        if self.is_new and self.corpus is not None:
            self.corpus.keep(self.asked)
        if self.scene.over:
            self._differs(self.scene)
            self._begin()
        self.pause()

    def ask_at_once(self, group: Drill) -> None:
        if self.scene is not None and not self.is_over:
            self._guarded(lambda: self._ask_at_once(group))

    def _ask_at_once(self, group: Drill) -> None:
        scene = self.scene
        assert scene is not None
        verdict = scene.ask_at_once(group, self.findings)
        if scene.over:
            self._differs(scene)
            self._begin()
        elif verdict is not None:
            add_outcome(self.report, verdict, len(scene.steps))
            self.listener.exchange(self.report)
            if verdict.findings:
                self._differs_at_once(scene, verdict)
                self._begin()
        self.pause()

    def _differs_at_once(self, scene: Scene, verdict: OutcomeVerdict) -> None:
        """Trials have confirmed it: it is shown with all that came before, not shortened."""
        first = verdict.findings[0].pair
        what = key(first, verdict.findings, len(scene.at_once))
        assert what is not None
        if what in self.report.findings:
            self.report.findings[what].times += 1
            return
        steps = (*scene.steps, *scene.at_once)
        fuzz_finding = FuzzFinding(
            what,
            verdict.findings,
            steps,
            drawn=len(steps),
            at=self.report.exchanges,
            replays=verdict.trials,
        )
        about = (
            f"the last {len(scene.at_once)} at once, outside of what the legacy does in "
            f"{verdict.outside} of {verdict.trials} trials"
        )
        self._write(fuzz_finding, about)
        self.report.findings[what] = fuzz_finding
        self.listener.finding(fuzz_finding)

    def _guarded(self, work: Callable[[], None]) -> None:
        """An error, or being interrupted, ends the run; it must not get into Hypothesis."""
        try:
            work()
        except (Exception, KeyboardInterrupt) as error:
            self.error = error

    @property
    def is_over(self) -> bool:
        """The budget is used up, or something went wrong."""
        options, report = self.options, self.report
        spent = report.seconds + report.shrinking
        return (
            self.error is not None
            or (options.exchanges is not None and report.exchanges >= options.exchanges)
            or (options.seconds is not None and spent >= options.seconds)
        )

    def pause(self) -> None:
        """Stops the clock that rates are counted by."""
        now = time.monotonic()
        self.report.seconds += now - self._since
        self._since = now

    def played(self, pair: Pair, differences: list[Difference]) -> bool:
        findings = self.findings(pair, differences)
        self.report.add(pair, findings)
        self.listener.exchange(self.report)
        self.last = pair, findings
        if self.corpus is not None and self.corpus.is_new(pair):
            self.is_new = True
        # rows that differ make every later step differ; a reply that differs and is accepted does not
        places = [one.difference.place.partition("/")[0] for one in findings]
        is_apart = any(place in ("rows", "capture", *self.observed) for place in places)
        return not is_apart and all(finding.waiver is not None for finding in findings)

    @property
    def observed(self) -> set[str]:
        return {service.observation for service in self.theatre.stage.legacy.services}

    def findings(self, pair: Pair, differences: list[Difference]) -> list[Finding]:
        return waivers.accept(
            self.waivers, pair, differences, self.report.database, self.options.today
        )

    def _differs(self, scene: Scene) -> None:
        assert self.last is not None
        pair, findings = self.last
        what = key(pair, findings)
        if what is None:
            return
        if what in self.report.findings:
            self.report.findings[what].times += 1
            return
        self.pause()
        begun = time.monotonic()
        user = next(iter(self.config.users), None)
        shrinker = Shrinker(lambda steps: self._fails(steps, what), user)
        steps = shrinker.shrink(scene.steps)
        fuzz_finding = FuzzFinding(
            what,
            [one for one in findings if one.waiver is None],
            steps or tuple(scene.steps),
            drawn=len(scene.steps),
            at=self.report.exchanges,
            replays=shrinker.replays,
            reproduced=steps is not None,
        )
        if steps is None and None in what.statuses:
            # a connection that broke, not an answer; what breaks it again is a difference
            self.report.notes.append(f"{what}: no reply, once; {findings[0].difference}")
            self.report.shrinking += time.monotonic() - begun
            self._since = time.monotonic()
            return
        if steps is not None:
            self._last_of(fuzz_finding)
        self._write(fuzz_finding)
        fuzz_finding.seconds = time.monotonic() - begun
        self.report.shrinking += fuzz_finding.seconds
        if self.corpus is not None:
            self.corpus.reach.forget()
        self._since = time.monotonic()
        self.report.findings[what] = fuzz_finding
        self.listener.finding(fuzz_finding)

    def _fails(self, steps: Sequence[Step], what: FindingKey) -> int | None:
        """Where a fresh replay of the steps differs in this way; None if nowhere, or elsewhere first."""
        replay = self.theatre.replay()
        for position, step in enumerate(steps):
            try:
                pair, differences = replay.play(step, {})
            except StackError:
                raise
            except ParityError:
                return None
            findings = self.findings(pair, differences)
            if (observed := key(pair, findings)) is not None:
                self.last = pair, findings
                return position if observed == what else None
        return None

    def _last_of(self, fuzz_finding: FuzzFinding) -> None:
        """The pair of the short sequence is the one worth showing."""
        if self._fails(fuzz_finding.steps, fuzz_finding.key) is not None and self.last is not None:
            fuzz_finding.findings = [one for one in self.last[1] if one.waiver is None]

    def _write(self, fuzz_finding: FuzzFinding, note: str = "") -> None:
        operation = self.theatre.catalogue.operations.get(fuzz_finding.key.operation)
        stem = operation.name if operation else fuzz_finding.key.operation.split()[0].lower()
        digest = hashlib.sha256(str(fuzz_finding.key).encode()).hexdigest()[:6]
        fuzz_finding.journey = f"fuzz-{stem.replace('_', '-')}-{digest}"
        about = f"Found by parity fuzz, seed {self.report.seed} - {fuzz_finding.key}"
        about += f"; {note}" if note else ""
        written = journey(
            fuzz_finding.journey, fuzz_finding.steps, self.theatre.stage.profile, about
        )
        fuzz_finding.text = save.render(replace(written, name=fuzz_finding.journey))
        # a journey sends one request after another
        if self.options.save is not None and fuzz_finding.key.clients == 1:
            self.options.save.mkdir(parents=True, exist_ok=True)
            fuzz_finding.saved = self.options.save / f"{fuzz_finding.journey}.yaml"
            write_file(fuzz_finding.saved, fuzz_finding.text)


def _groups(steps: Sequence[tuple[FuzzOperation, Draft]]) -> list[Drill]:
    """One request each, or several that are sent at once."""
    groups: list[Drill] = []
    for operation, draft in steps:
        if draft.at_once and groups:
            groups[-1].append((operation, draft))
        else:
            groups.append([(operation, draft)])
    return groups
