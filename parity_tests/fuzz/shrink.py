"""The shortest sequence that still differs in the same way. Pure but for the replays it asks for.

Hypothesis shrinks by the thousand; each trial here is a replay on two stacks, so this works on the
steps themselves: first only what the last step refers to, then fewer steps, then simpler ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from parity_core.model import MISSING, Json
from parity_tests.journeys.model import Step
from parity_tests.journeys.templates import variables

Fails = Callable[[Sequence[Step]], int | None]
"""Plays the steps; the position of the one that differs as the original did, or None."""


@dataclass
class Shrinker:
    fails: Fails
    user: str | None = None
    """A usual user, plainer than one who signed up."""
    most: int = 250
    """Replays."""
    seconds: float = 60.0
    replays: int = 0
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.seconds

    def shrink(self, steps: Sequence[Step]) -> tuple[Step, ...] | None:
        """The shortest sequence found; None when not even the original fails again."""
        failing = self.try_(steps)
        if failing is None:
            return None
        failing = self.try_(needed(failing, {len(failing) - 1})) or failing
        while not self.spent:
            smaller = self.fewer(failing)
            smaller = self.simpler(smaller)
            if smaller == failing:
                break
            failing = smaller
        return tidy(failing)

    @property
    def spent(self) -> bool:
        return self.replays >= self.most or time.monotonic() > self._deadline

    def try_(self, steps: Sequence[Step]) -> tuple[Step, ...] | None:
        """The steps up to the one that fails."""
        self.replays += 1
        at = self.fails(steps)
        return None if at is None else tuple(steps[: at + 1])

    def fewer(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Without as many of the earlier steps as possible; big pieces are tried first."""
        size = max(1, (len(steps) - 1) // 2)
        while size:
            start = len(steps) - 1 - size
            while start > -size and not self.spent:
                gone = range(max(start, 0), start + size)
                smaller = without(steps, set(gone))
                failing = self.try_(smaller) if smaller and len(smaller) < len(steps) else None
                if failing is not None:
                    steps = failing
                    start = min(start, len(steps) - 1)
                start -= size
            size //= 2
        return steps

    def simpler(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """With each step as plain as it can be, the last one first."""
        position = len(steps) - 1
        while position >= 0 and not self.spent:
            for candidate in simplifications(steps[position], self.user):
                changed = (*steps[:position], candidate, *steps[position + 1 :])
                failing = self.try_(without_orphans(steps, changed))
                if self.spent:
                    return failing or steps
                if failing is not None:
                    position += len(failing) - len(steps)
                    steps = failing
                    break
            else:
                position -= 1
        return steps


def names(step: Step) -> set[str]:
    """What the step refers to."""
    json = None if step.json is MISSING else step.json
    user = step.user if isinstance(step.user, dict) else None
    body = step.body if isinstance(step.body, str) else None
    return set(variables([step.target, user, dict(step.headers), json, body, step.content_type]))


def needed(steps: Sequence[Step], last: set[int]) -> tuple[Step, ...]:
    """The given steps and those that they refer to."""
    wanted = set(last)
    for position in range(len(steps) - 1, -1, -1):
        if position in wanted:
            used = names(steps[position])
            wanted |= {n for n in range(position) if used & steps[n].capture.keys()}
    return tuple(step for n, step in enumerate(steps) if n in wanted)


def without_orphans(before: Sequence[Step], after: Sequence[Step]) -> tuple[Step, ...]:
    """Of steps of which one was changed: those that nothing refers to any more are left out."""
    kept = list(after)
    referred = set().union(*map(names, before))
    for position in range(len(kept) - 2, -1, -1):
        captured = kept[position].capture.keys()
        used: set[str] = set().union(*map(names, kept[position + 1 :]))
        if captured & referred and not captured & used:
            del kept[position]
    return tuple(kept)


def without(steps: Sequence[Step], gone: set[int]) -> tuple[Step, ...] | None:
    """The steps without some, and without those that need them; None if that is the last one."""
    lost: set[str] = set()
    kept: list[Step] = []
    for position, step in enumerate(steps):
        if position in gone or names(step) & lost:
            lost |= step.capture.keys()
            if position == len(steps) - 1:
                return None
        else:
            lost -= step.capture.keys()
            kept.append(step)
    return tuple(kept)


def tidy(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Captures that nothing refers to are left out."""
    done: list[Step] = []
    for position, step in enumerate(steps):
        used: set[str] = set().union(*(names(later) for later in steps[position + 1 :]))
        done.append(replace(step, capture={k: v for k, v in step.capture.items() if k in used}))
    return tuple(done)


def simplifications(step: Step, user: str | None = None) -> Iterator[Step]:
    """Steps that ask less, the greatest leap first."""
    if step.headers:
        yield replace(step, headers={})
    if step.encoding:
        yield replace(step, encoding=None)
    path, mark, query = step.target.partition("?")
    if mark:
        yield replace(step, target=path)
        parts = query.split("&")
        if len(parts) > 1:
            for number in range(len(parts)):
                kept = "&".join(parts[:number] + parts[number + 1 :])
                yield replace(step, target=f"{path}?{kept}")
    segments = path.split("/")
    for number, segment in enumerate(segments):
        if segment.startswith("${"):
            for plain in ("1", "unknown"):
                target = "/".join([*segments[:number], plain, *segments[number + 1 :]])
                yield replace(step, target=target + mark + query)
    if step.user is not None:
        yield replace(step, user=None)
    if isinstance(step.user, dict) and user:
        yield replace(step, user=user)
    if step.json is not MISSING:
        yield replace(step, json=MISSING)
        for value in smaller_values(step.json):
            yield replace(step, json=value)
    elif isinstance(step.body, str) and step.body:
        yield replace(step, body=None, content_type=None)
        if len(step.body) > 1:
            yield replace(step, body=step.body[: len(step.body) // 2])
            yield replace(step, body=step.body[len(step.body) // 2 :])


def smaller_values(value: Json) -> Iterator[Json]:
    """Values with less in them: members left out, lists and text shorter, numbers nearer to 0."""
    if isinstance(value, dict):
        yield from ({k: v for k, v in value.items() if k != key} for key in value)
        for key, item in value.items():
            yield from ({**value, key: smaller} for smaller in smaller_values(item))
    elif isinstance(value, list):
        if len(value) > 3:
            half = len(value) // 2
            yield from (value[:half], value[half:])
        else:
            for number in range(len(value)):
                yield [*value[:number], *value[number + 1 :]]
            for number, item in enumerate(value):
                for smaller in smaller_values(item):
                    yield [*value[:number], smaller, *value[number + 1 :]]
    elif isinstance(value, str):
        if value.startswith("${") or len(value) < 2:
            return
        yield from ("", "a")
        if len(value) > 3:
            half = len(value) // 2
            yield from (value[:half], value[half:])
        else:
            yield from (value[:-1], value[1:])
    elif isinstance(value, float) and not isinstance(value, bool):
        if value not in (0.5, 1.0):
            yield from (0, 0.5)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > 1:
        yield from (0, 1, -1)
