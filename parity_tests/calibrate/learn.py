"""Learns from pairs of equal stacks what differs by itself: per operation and place, with counts. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from parity_core.compare.correspond import Correspondence, Window
from parity_core.compare.learned import LearnedEvidence, LearnedKind, LearnedRule, holds, never
from parity_core.model import Difference, Pair


@dataclass(frozen=True)
class LearnedObservation:
    """Two values that differ although the stacks are the same."""

    journey: str
    round: int
    step: int
    window: Window
    place: str
    a: Any
    b: Any
    why_not: str = ""
    """Why no rule may accept this."""


@dataclass(frozen=True)
class LearningRefused:
    """What differs by itself and may not be relaxed: somebody has to look at it."""

    operation: str
    place: str
    why: str
    evidence: LearnedEvidence


@dataclass
class Learning:
    rules: list[LearnedRule] = field(default_factory=list)
    refused: list[LearningRefused] = field(default_factory=list)

    @property
    def noise(self) -> list[LearnedRule]:
        return [rule for rule in self.rules if rule.kind is not LearnedKind.ONE_TO_ONE]


class LearningObserver:
    """Collects; keeps the differing values and not the pairs."""

    def __init__(self) -> None:
        self.round = 0
        self.pairs: Counter[str] = Counter()
        self.observations: dict[tuple[str, str], list[LearnedObservation]] = defaultdict(list)

    def add(self, pair: Pair, differences: Iterable[Difference]) -> None:
        operation = pair.operation.label
        self.pairs[operation] += 1
        window = Window(pair.legacy.started, pair.ported.started, pair.step)
        for one in differences:
            self.observations[operation, generalised(one.place)].append(
                LearnedObservation(
                    pair.journey,
                    self.round,
                    pair.step,
                    window,
                    one.place,
                    one.legacy,
                    one.ported,
                    never(pair, one),
                )
            )

    def learn(self, today: date, expires: date) -> Learning:
        learning = Learning()
        for (operation, place), observed in sorted(self.observations.items()):
            evidence = _evidence(observed, self.pairs[operation])
            kind, why = _kind(place, observed)
            if kind is None:
                learning.refused.append(LearningRefused(operation, place, why, evidence))
            else:
                learning.rules.append(LearnedRule(operation, place, kind, today, expires, evidence))
        return learning


def generalised(place: str) -> str:
    """A place without positions in lists and without the keys of rows: `rows/users/*/email`."""
    segments = place.split("/")
    if segments[0] == "rows" and len(segments) > 2:
        segments[2] = "*"
    return "/".join("*" if segment.isdigit() else segment for segment in segments)


def _evidence(observed: Sequence[LearnedObservation], pairs: int) -> LearnedEvidence:
    differed = len({(one.round, one.journey, one.step) for one in observed})
    return LearnedEvidence(observed[0].journey, observed[0].step, differed, pairs)


def _kind(place: str, observed: Sequence[LearnedObservation]) -> tuple[LearnedKind | None, str]:
    """The strictest kind that explains everything; None and a reason when there is none."""
    for one in observed:
        if one.why_not:
            return None, one.why_not
    for kind in LearnedKind:
        journeys: dict[tuple[int, str], Correspondence] = defaultdict(Correspondence)
        if all(
            holds(kind, place, one.a, one.b, journeys[one.round, one.journey], one.window)
            for one in observed
        ):
            return kind, ""
    return None, "no single value: it is too much to leave out"
