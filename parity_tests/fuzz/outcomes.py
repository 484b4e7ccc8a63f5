"""Several clients at once, compared by outcome: what each was answered, and what all of it left behind.

The legacy is asked the same requests one after another, in each order, and at once: what comes of these is
allowed. What the port makes of them at once must be one of these. Between two trials both stacks have the
rows, runs and files from before them again, and no run goes on meanwhile.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import permutations

from parity_core.compare.correspond import Correspondence
from parity_core.compare.diff import diff
from parity_core.model import Difference, Exchange, Finding, Json, Pair, Reply, RowChange, Side
from parity_tests.journeys.model import Step
from parity_tests.run.replay import Replay
from parity_tests.stage.world import World

ROUNDS = 4
"""Times that both stacks are asked at once."""
CONFIRMING = 16
"""Times more, when the port did what the legacy does not."""
_HEAD_START = (0.0, 0.5, 0.25, 0.75, 0.1, 0.9, 0.4, 0.6, 0.0, 0.8)
"""By how much of the time that its reply takes a client is earlier: the first one, then the last one, then further."""
_ORDERED = 2
"""Clients whose requests are asked in every order; of more, only as they are and the other way round."""
_LATE = (0.1, 0.5, 1.5)
"""Seconds that a stack gets for what it writes after its replies, when nothing else explains an outcome."""
_PATIENCE = 60.0
"""Seconds in which all clients must be ready."""

Judge = Callable[[Pair, list[Difference]], list[Finding]]


@dataclass
class Outcome:
    """What several requests came to on one stack."""

    exchanges: list[Exchange]
    """As the requests are written, in whatever order they were answered; without rows and effects."""
    whole: Exchange
    """What all of them together wrote and sent."""

    @property
    def statuses(self) -> tuple[int | None, ...]:
        return tuple(one.reply.status for one in self.exchanges)

    @property
    def is_complete(self) -> bool:
        """Whether every client got an answer, which a busy machine may be the reason for."""
        return None not in self.statuses


@dataclass
class OutcomeVerdict:
    """What the trials say. Without findings the port did what is allowed, each time."""

    pairs: list[Pair] = field(default_factory=list)
    """One for each request, of the trial that says most; for the account."""
    findings: list[Finding] = field(default_factory=list)
    outside: int = 0
    """Trials in which the port did what the legacy never did, of `trials`."""
    trials: int = 0
    sent: int = 0
    """Requests that each stack was sent, without those that were to confirm: one seed counts alike each time."""
    unclear: str = ""
    """Why nothing can be said."""
    serial: tuple[int, ...] | None = None
    """An order in which the stacks differ even one after another: clients at once are not the reason."""


class Trials:
    """The requests of some steps, from one state of both stacks on, again and again."""

    def __init__(self, replay: Replay, steps: Sequence[Step], judge: Judge) -> None:
        self.replay = replay
        self.steps = steps
        self.judge = judge
        self.stage = replay.stage
        self.requests = [replay.requests(step, {}) for step in steps]
        self.allowed: list[tuple[str, Outcome]] = []
        """With the words for how it came about."""
        self.took: dict[Side, list[float]] = {}
        """Seconds of each request on each stack, asked alone."""

    def run(self) -> OutcomeVerdict:
        verdict = OutcomeVerdict()
        with bookmarked(self.replay) as put_back:
            for order in self._orders():
                legacy, ported = self.stage.both(partial(self._serially, order=order))
                verdict.sent += len(order)
                put_back()
                self.allowed.append((f"in the order {_words(order)}", legacy))
                for one in (legacy, ported):
                    self.took[one.whole.side] = [e.replied - e.started for e in one.exchanges]
                if not (legacy.is_complete and ported.is_complete):
                    verdict.unclear = "a request got no reply, one client after another"
                    return verdict
                verdict.pairs, findings = self._compared(legacy, ported)
                if findings:
                    verdict.serial = order
                    return verdict
            self._rounds(verdict, put_back)
        return verdict

    def _rounds(self, verdict: OutcomeVerdict, put_back: Callable[[], None]) -> None:
        """At once, until it is certain what the port does."""
        strange: list[Outcome] = []
        mute = 0
        most = ROUNDS
        while verdict.trials < most:
            legacy, ported = self.stage.both(partial(self._at_once, turn=verdict.trials))
            verdict.trials += 1
            if verdict.trials <= ROUNDS:
                verdict.sent += len(self.steps)
            if not ported.is_complete:
                mute += 1
            else:
                if legacy.is_complete:
                    self.allowed.append(("at once", legacy))
                if not self._is_allowed(ported) and not self._is_late(ported):
                    strange.append(ported)
                    # what it does now and then the legacy may do now and then
                    most = ROUNDS + CONFIRMING
            put_back()
        strange = [one for one in strange if not self._is_allowed(one)]
        verdict.outside = len(strange)
        if len(strange) > 1:
            verdict.pairs, verdict.findings = self._nearest(strange[-1])
        elif strange:
            _, findings = self._nearest(strange[-1])
            verdict.unclear = (
                f"once in {verdict.trials} trials at once the port did what the legacy did not: "
                f"{findings[0].difference.place}"
            )
        elif mute > 1:
            verdict.unclear = f"the port did not answer in {mute} of {verdict.trials} trials"

    def _orders(self) -> list[tuple[int, ...]]:
        usual = tuple(range(len(self.steps)))
        return list(permutations(usual)) if len(usual) <= _ORDERED else [usual, usual[::-1]]

    def _serially(self, world: World, order: Sequence[int]) -> Outcome:
        started = time.time()
        answered = {number: self._sent(world, number) for number in order}
        return self._outcome(world, started, [answered[n] for n in range(len(order))])

    def _at_once(self, world: World, turn: int) -> Outcome:
        count = len(self.steps)
        gate = threading.Barrier(count)
        first = 0 if turn % 2 == 0 else count - 1
        ahead = _HEAD_START[turn // 2 % len(_HEAD_START)] * self.took[world.side][first]

        def client(number: int) -> Exchange:
            gate.wait(_PATIENCE)
            if ahead and number != first:
                time.sleep(ahead)
            return self._sent(world, number)

        started = time.time()
        with ThreadPoolExecutor(count, f"parity-{world.side}-client") as threads:
            answers: list[Future[Exchange]] = [threads.submit(client, n) for n in range(count)]
            exchanges = [one.result() for one in answers]
        return self._outcome(world, started, exchanges)

    def _sent(self, world: World, number: int) -> Exchange:
        request = self.requests[number][world.side]
        started = time.time()
        reply = world.send(request)
        now = time.time()
        origin = world.stack.origin
        return Exchange(world.side, origin, request, reply, started, now, replied=now)

    def _outcome(self, world: World, started: float, exchanges: list[Exchange]) -> Outcome:
        now = time.time()
        whole = Exchange(
            world.side,
            world.stack.origin,
            exchanges[0].request,
            Reply(200),
            started,
            now,
            _written(world),
            world.effects(),
            now,
        )
        return Outcome(exchanges, whole)

    def _is_allowed(self, ported: Outcome) -> bool:
        return any(not self._compared(legacy, ported)[1] for _, legacy in self.allowed)

    def _is_late(self, ported: Outcome) -> bool:
        """Whether it becomes what is allowed when the port gets more time for what follows its replies."""
        world = self.stage.ported
        for pause in _LATE:
            time.sleep(pause)
            rows, effects = _written(world), world.effects()
            if rows == ported.whole.rows and effects == ported.whole.effects:
                continue
            ported.whole = replace(ported.whole, rows=rows, effects=effects)
            if self._is_allowed(ported):
                return True
        return False

    def _nearest(self, ported: Outcome) -> tuple[list[Pair], list[Finding]]:
        """The comparison with the outcome of the legacy that it is most like."""
        compared = [(words, *self._compared(legacy, ported)) for words, legacy in self.allowed]
        words, pairs, findings = min(compared, key=lambda one: len(one[2]))
        for pair in pairs:
            pair.note = (
                f"{len(self.steps)} clients at once; the legacy {words}, which is most like it"
            )
        return pairs, findings

    def _compared(self, legacy: Outcome, ported: Outcome) -> tuple[list[Pair], list[Finding]]:
        """The pairs of the requests, and what no waiver accepts: in what they left first, then in the replies."""
        # tried on a copy: each trial made ids and moments of its own
        correspondence: Correspondence = self.replay.correspondence.copy()
        pairs = [
            self._pair(number, one, other)
            for number, (one, other) in enumerate(
                zip(legacy.exchanges, ported.exchanges, strict=True)
            )
        ]
        whole = replace(
            pairs[0],
            legacy=_sorted_by_kind(legacy.whole),
            ported=_sorted_by_kind(ported.whole),
            rows_compared=True,
        )
        left = diff(whole, self.replay.rules, correspondence)
        findings = [finding for one in left if (finding := self._of_any(pairs, whole, one))]
        for pair in pairs:
            differences = diff(pair, self.replay.rules, correspondence)
            findings += [one for one in self.judge(pair, differences) if one.waiver is None]
        return pairs, findings

    def _of_any(self, pairs: Sequence[Pair], whole: Pair, difference: Difference) -> Finding | None:
        """A difference in what was left: accepted if it were with any of the requests."""
        for pair in pairs:
            (finding,) = self.judge(pair, [difference])
            if finding.waiver is not None:
                return None
        return Finding(replace(whole, operation=pairs[0].operation), difference)

    def _pair(self, number: int, legacy: Exchange, ported: Exchange) -> Pair:
        step = self.steps[number]
        return Pair(
            self.replay.journey.name,
            self.replay.number + 1,
            f"{self.replay.journey.path}:{step.line}",
            self.replay.matcher.match(legacy.request.method, legacy.request.path),
            legacy,
            ported,
            user=step.user if isinstance(step.user, str) else "",
            note=f"one of {len(self.steps)} at once",
            rows_compared=False,
            clients=len(self.steps),
        )


@contextmanager
def bookmarked(replay: Replay) -> Iterator[Callable[[], None]]:
    """What is there now; the function puts it back, on both stacks. It is put back at the end, too."""
    stage = replay.stage
    worlds = (stage.legacy, stage.ported)
    for one in replay.begun:
        one.result()
    replay.begun = []
    for world in worlds:
        world.forget()
    marks: list[Callable[[], None]] = []

    def put_back() -> None:
        stage.both(lambda world: world.reader.restore() if world.reader else None)
        for mark in marks:
            mark()

    legacy, ported = stage.legacy.reader, stage.ported.reader
    assert legacy is not None
    assert ported is not None
    with legacy.bookmarked(), ported.bookmarked(), ExitStack() as kept:
        for service in {id(one): one for world in worlds for one in world.services}.values():
            marks.append(kept.enter_context(service.bookmarked()))
        try:
            yield put_back
        finally:
            put_back()


def _written(world: World) -> list[RowChange]:
    assert world.reader is not None
    return world.reader.since_baseline()


def _sorted_by_kind(exchange: Exchange) -> Exchange:
    """What was sent to each service, by what kind of call it is: what clients at once cause interleaves."""
    effects = {name: sorted(sent, key=_kind_of_call) for name, sent in exchange.effects.items()}
    return replace(exchange, effects=effects)


def _kind_of_call(sent: Json) -> str:
    """Method and path without ids; what has none keeps its order."""
    if not isinstance(sent, dict) or "path" not in sent:
        return ""
    segments = str(sent["path"]).split("/")
    path = "/".join("*" if re.search(r"\d", one) else one for one in segments)
    return f"{sent.get('method')} {path}"


def _words(order: Sequence[int]) -> str:
    return ", ".join(str(number + 1) for number in order)
