"""Whoever is kept informed while a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from parity_core.model import Finding, Pair
from parity_tests.journeys.model import Journey


class Voice(Protocol):
    """Told what is being done."""

    def message(self, text: str) -> None: ...


class Listener(Voice, Protocol):
    """Told of progress, while there is some."""

    def journey(self, journey: Journey, number: int, total: int) -> None: ...
    def pair(self, pair: Pair, findings: Sequence[Finding]) -> None: ...
    def journey_done(self, journey: Journey, seconds: float) -> None: ...
