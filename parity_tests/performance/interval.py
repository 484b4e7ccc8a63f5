"""What a series of paired times says about their ratio, and how sure that is. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_RESAMPLES = 1000
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A ratio ported / legacy with the 95 % interval around it; below 1 the port is faster."""

    ratio: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.ratio:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(pairs: Sequence[tuple[float, float]], seed: int = 0) -> Interval | None:
    """The median of ported / legacy with a percentile bootstrap interval; None below five pairs.

    `pairs` are seconds (legacy, ported) of requests that were sent one after the other. The median:
    a machine that pauses in the middle of one request is not the port being slow.
    """
    ratios = [ported / legacy for legacy, ported in pairs if legacy > 0]
    if len(ratios) < 5:
        return None
    draw = random.Random(seed)
    medians = sorted(median(draw.choices(ratios, k=len(ratios))) for _ in range(_RESAMPLES))
    edge = (1 - _CONFIDENCE) / 2
    low = medians[math.floor(edge * (_RESAMPLES - 1))]
    high = medians[math.ceil((1 - edge) * (_RESAMPLES - 1))]
    return Interval(median(ratios), low, high)
