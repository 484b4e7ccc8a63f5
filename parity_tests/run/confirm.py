"""Plays a journey until what it says is certain: what a busy machine does once is no difference.

A difference counts when two replays from the seed show it. Steps without one are reported as they come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from parity_core.compare.rules import Rules
from parity_core.model import Difference, Finding, Pair, ParityError
from parity_tests.journeys.model import Journey
from parity_tests.operations import CensusMatcher
from parity_tests.report.keys import shape
from parity_tests.run.playing import Judged
from parity_tests.run.replay import outline, replay
from parity_tests.stage.process import StackError
from parity_tests.stage.stage import Stage

Sign = tuple[int, str]
"""What differed: the step, and the place without positions and ids."""

_ENOUGH = 3
"""Replays of one journey, at most."""


@dataclass
class Attempt:
    """One replay, as far as it went."""

    doubtful: dict[int, Judged] = field(default_factory=dict)
    """By step: what differs, or got no reply."""
    reached: dict[int, Judged] = field(default_factory=dict)
    """Of the steps that an earlier attempt doubts, how they went this time."""
    stopped: int | None = None
    """The step without a reply that it ended at: what follows would differ because of it."""
    error: ParityError | None = None

    @property
    def signs(self) -> set[Sign]:
        return {sign for judged in self.doubtful.values() for sign in signs(judged)}


def signs(judged: Judged) -> set[Sign]:
    pair, findings = judged
    return {(pair.step, shape(one.difference.place)) for one in findings if one.waiver is None}


class Confirming:
    def __init__(
        self,
        stage: Stage,
        rules: Rules,
        matcher: CensusMatcher,
        judge: Callable[[Pair, list[Difference]], list[Finding]],
    ) -> None:
        self.stage = stage
        self.rules = rules
        self.matcher = matcher
        self.judge = judge
        self.notes: list[str] = []
        """What differed once, and why that says nothing."""
        self.failures: list[Pair] = []
        """Of steps that were reported as the same, how the port failed in a later replay; each says so."""

    def play(self, journey: Journey) -> Iterator[Judged]:
        """Every step once, its findings those that were confirmed; `unclear` is set where none could be.

        ParityError when the journey can not be played, twice; StackError at once.
        """
        attempts: list[Attempt] = []
        reported: set[int] = set()
        # without their rows nothing can be played again as it was
        most = _ENOUGH if self.stage.reads_rows else 1
        while len(attempts) < most and self._is_open(attempts):
            attempt = Attempt()
            attempts.append(attempt)
            for pair, findings in self._attempt(journey, attempts):
                if pair.step not in reported:
                    reported.add(pair.step)
                    yield pair, findings
        yield from self._verdict(journey, attempts, reported)
        if (error := attempts[-1].error) is not None:
            raise error

    @staticmethod
    def _is_open(attempts: Sequence[Attempt]) -> bool:
        """Whether another replay could say more."""
        if not attempts:
            return True
        last = attempts[-1]
        if len(attempts) == 1:
            return bool(last.doubtful or last.error)
        if last.stopped is not None or last.error is not None:
            return str(last.error) != str(attempts[-2].error)
        return attempts[-2].signs != last.signs

    def _attempt(self, journey: Journey, attempts: Sequence[Attempt]) -> Iterator[Judged]:
        """Yields steps that nothing is held against; the rest stays in the attempt."""
        attempt, earlier = attempts[-1], attempts[:-1]
        doubted = {step for one in earlier for step in one.doubtful}
        if earlier and earlier[-1].stopped is not None:
            # what was given up may still write, into the rows of the seed
            self.stage.wait_until_quiet()
        played = replay(journey, self.stage, self.rules, self.matcher, patient=bool(earlier))
        try:
            for pair, differences in played:
                judged = pair, self.judge(pair, differences)
                if pair.step in doubted:
                    attempt.reached[pair.step] = judged
                if signs(judged) or mute(pair):
                    attempt.doubtful[pair.step] = judged
                    if mute(pair) and not self._is_known(pair, earlier):
                        attempt.stopped = pair.step
                        return
                elif pair.step not in doubted:
                    yield judged
        except StackError:
            raise
        except ParityError as error:
            attempt.error = error

    def _is_known(self, pair: Pair, earlier: Sequence[Attempt]) -> bool:
        """A stack that hangs up again at the same step does so by itself. One that is slow may be slow again."""
        if not self.stage.reads_rows:
            return True
        if any(one.reply.timed_out for one in (pair.legacy, pair.ported)):
            return False
        return any(
            pair.step in one.doubtful and silent(one.doubtful[pair.step][0]) == silent(pair)
            for one in earlier
        )

    def _remember_failure(self, step: int, attempts: Sequence[Attempt]) -> None:
        for one in attempts:
            if (judged := one.doubtful.get(step)) is not None and failed(judged):
                judged[0].unclear = _failure(judged[0], len(attempts))
                self.failures.append(judged[0])

    def _verdict(
        self, journey: Journey, attempts: Sequence[Attempt], reported: set[int]
    ) -> Iterator[Judged]:
        times = Counter(sign for one in attempts for sign in one.signs)
        enough = 2 if self.stage.reads_rows else 1
        last = attempts[-1]
        # what follows in a replay from something that was seen once is a consequence of it
        first = {
            min(loose)
            for one in attempts
            if (loose := [s for s, j in one.doubtful.items() if _is_loose(j, times, enough)])
        }
        for step in sorted({step for one in attempts for step in one.doubtful}):
            shown = max((count for (at, _), count in times.items() if at == step), default=0)
            if step in reported and shown < enough:
                # it was the same at first, and differed in one later replay only
                self._remember_failure(step, attempts)
                continue
            showing = [
                one.reached.get(step) or one.doubtful[step]
                for one in attempts
                if step in one.reached or step in one.doubtful
            ]
            confirmed = [j for j in showing if any(times[sign] >= enough for sign in signs(j))]
            pair, findings = (confirmed or showing)[-1]
            once = [one for one in showing if _is_loose(one, times, enough)]
            if last.stopped == step or (not confirmed and mute(pair) and not self.stage.reads_rows):
                pair.unclear = silence(pair)
            elif not confirmed and any(map(failed, once)):
                pair, findings = next(one for one in once if failed(one))
                pair.unclear = _failure(pair, len(attempts))
            elif step in first and not confirmed and not all(_explained(one) for one in once):
                pair.unclear = f"differed once in {len(attempts)} replays: {_words(once[0])}"
            elif step in first and not confirmed and len(attempts) > 1:
                cause = silence(showing[0][0]) if mute(showing[0][0]) else _words(showing[0])
                self.notes.append(
                    f"{journey.name}, step {step}: {cause}; the same in later replays"
                )
            yield (
                pair,
                [
                    one
                    for one in findings
                    if one.waiver is not None
                    or (not pair.unclear and times[step, shape(one.difference.place)] >= enough)
                ],
            )


def _failure(pair: Pair, replays: int) -> str:
    status = pair.ported.reply.status
    return f"the port answered {status} once in {replays} replays, the legacy {pair.legacy.reply.status}"


def _is_loose(judged: Judged, times: Counter[Sign], enough: int) -> bool:
    """Whether something of it was seen too seldom to count, a reply that never came included."""
    return mute(judged[0]) or any(times[sign] < enough for sign in signs(judged))


def mute(pair: Pair) -> bool:
    """Whether a stack gave no reply at all."""
    return any(silent(pair))


def silent(pair: Pair) -> tuple[bool, bool]:
    return pair.legacy.reply.status is None, pair.ported.reply.status is None


def silence(pair: Pair) -> str:
    return "; ".join(
        f"the {one.side} stack: {one.reply.error}"
        for one in (pair.legacy, pair.ported)
        if one.reply.status is None
    )


def failed(judged: Judged) -> bool:
    """Whether the port answered 5xx where the legacy did not, and no waiver accepts that.

    A busy machine cuts and delays; a whole reply that says 500 is the port's own, once is enough.
    """
    pair, findings = judged
    legacy, ported = pair.legacy.reply.status, pair.ported.reply.status
    is_open = any(one.waiver is None for one in findings)
    return is_open and legacy is not None and legacy < 500 <= (ported or 0)


def _explained(judged: Judged) -> bool:
    """A busy machine explains what was seen once: no reply, a failure of the legacy, or writes that came late."""
    pair, findings = judged
    if failed(judged):
        return False
    if any((one.reply.status or 500) >= 500 for one in (pair.legacy, pair.ported)):
        return True
    effects = pair.legacy.effects.keys() | pair.ported.effects.keys()
    late = {"rows", *effects}
    places = {one.difference.place.partition("/")[0] for one in findings if one.waiver is None}
    return places <= late and outline(pair.legacy) != outline(pair.ported)


def _words(judged: Judged) -> str:
    pair, findings = judged
    places = [one.difference.place for one in findings if one.waiver is None]
    return f"{pair.operation.label} at {', '.join(places[:3])}"
