"""Journeys played side by side: each lane has a pair of stacks of its own. What they observe comes in the usual order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from parity_tests.journeys.model import Journey, Profile
from parity_tests.run.playing import Event, JourneyEnd
from parity_tests.stage.stage import Stage

Opener = Callable[[Profile, str], Stage]
"""Puts up both stacks of a profile; the text tells their databases from others."""
Player = Callable[[Stage, Journey], Iterator[Event]]

_EXCHANGE = 0.03
"""Seconds that one takes, about; what waits for an outside service takes longer."""
_WITH_SERVICE = 0.1
_WAIT = 4.0
_WORTH = 5.0
"""Seconds of journeys for which another lane puts up one more pair of the same profile."""


def usual_lanes() -> int:
    """One for each processor, and one more: some journeys wait, most of the time."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else 2


@dataclass
class Turn:
    """One journey: played by some lane, observed by whoever asks for its events."""

    journey: Journey
    _events: SimpleQueue[Event | None] = field(default_factory=SimpleQueue)
    """First None, as soon as there are stacks for it."""

    @property
    def weight(self) -> float:
        """Seconds that it takes, about."""
        each = _WITH_SERVICE if self.journey.profile.services else _EXCHANGE
        waits = sum(step.wait is not None for step in self.journey.steps)
        return each * len(self.journey.steps) + _WAIT * waits

    def put(self, event: Event | None) -> None:
        self._events.put(event)

    def wait(self) -> None:
        """Returns once it begins; raises what went wrong with its stacks instead."""
        begun = self._events.get()
        if isinstance(begun, JourneyEnd) and begun.error is not None:
            raise begun.error

    def events(self) -> Iterator[Event]:
        """Until its end."""
        while (event := self._events.get()) is not None:
            yield event
            if isinstance(event, JourneyEnd):
                return


class Schedule:
    """Which journeys are left, and who plays which. Those that take longest begin first."""

    def __init__(self, groups: Mapping[Profile, Sequence[Turn]]) -> None:
        self._left = {profile: deque(turns) for profile, turns in groups.items()}
        self._new = sorted(self._left, key=self._weight, reverse=True)
        self._lanes = dict.fromkeys(self._left, 0)
        self._lock = threading.Lock()

    def _weight(self, profile: Profile) -> float:
        return sum(turn.weight for turn in self._left[profile])

    def join(self) -> Profile | None:
        """A profile that nobody plays yet, or else one with much to do; None when a lane is not needed any more."""
        with self._lock:
            chosen = self._new.pop(0) if self._new else self._largest()
            if chosen is not None:
                self._lanes[chosen] += 1
            return chosen

    def _largest(self) -> Profile | None:
        open_ones = [one for one, lanes in self._lanes.items() if lanes and len(self._left[one])]
        largest = max(open_ones, key=self._weight, default=None)
        return largest if largest is not None and self._weight(largest) > _WORTH else None

    def leave(self, profile: Profile, error: BaseException | None) -> None:
        """With an error nobody can play what is left of the profile, unless another lane does."""
        with self._lock:
            self._lanes[profile] -= 1
            left = self._left[profile]
            while error is not None and left and not self._lanes[profile]:
                left.popleft().put(JourneyEnd(0.0, error=error))

    def take(self, profile: Profile) -> Turn | None:
        with self._lock:
            return self._left[profile].popleft() if self._left[profile] else None

    def end(self) -> None:
        with self._lock:
            self._new.clear()
            for left in self._left.values():
                left.clear()


class Lanes:
    """Plays from when it is entered; whoever leaves it early ends it."""

    def __init__(
        self,
        groups: Mapping[Profile, Sequence[Turn]],
        opener: Opener,
        player: Player,
        count: int,
    ) -> None:
        self._schedule = Schedule(groups)
        self._opener, self._player = opener, player
        self._threads = [
            threading.Thread(target=self._run, name=f"parity-lane-{number}")
            for number in range(count)
        ]
        self._lock = threading.Lock()
        self._stages: list[Stage] = []
        self._opened = 0
        self._is_over = False

    def _run(self) -> None:
        while not self._is_over and (profile := self._schedule.join()) is not None:
            failure: BaseException | None = None
            try:
                self._play(profile)
            except BaseException as error:
                failure = error
            self._schedule.leave(profile, failure)

    def _play(self, profile: Profile) -> None:
        with self._lock:
            name = f"p{self._opened}"
            self._opened += 1
        stage = self._opener(profile, name)
        with self._lock:
            self._stages.append(stage)
        try:
            while not self._is_over and (turn := self._schedule.take(profile)) is not None:
                turn.put(None)
                if (error := self._play_turn(stage, turn)) is not None:
                    raise error
        finally:
            with self._lock:
                self._stages.remove(stage)
            stage.close()

    def _play_turn(self, stage: Stage, turn: Turn) -> BaseException | None:
        """Why nothing else can be played on these stacks; None as a rule."""
        try:
            for event in self._player(stage, turn.journey):
                turn.put(event)
                if self._is_over:
                    return None
                if isinstance(event, JourneyEnd) and not event.is_of_the_journey:
                    return event.error
        except BaseException as error:
            turn.put(JourneyEnd(0.0, error=error))
            return error
        return None

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over = True
        self._schedule.end()
        with self._lock:
            stages = list(self._stages)
        # a lane may wait for an answer: without its stacks it waits no longer
        for stage in stages:
            for world in (stage.legacy, stage.ported):
                world.stack.stop()
        for thread in self._threads:
            thread.join()
