"""What is observed while journeys are played, journey by journey: by whom and when is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from parity_core.model import Finding, Pair, ParityError
from parity_tests.stage.process import StackError

Judged = tuple[Pair, list[Finding]]


@dataclass(frozen=True)
class JourneyEnd:
    """A journey was played, as far as it went."""

    seconds: float
    notes: list[str] = field(default_factory=list)
    """What differed once, for a reason that is the machine's."""
    failures: list[Pair] = field(default_factory=list)
    """Pairs of which nobody can tell: the port failed once, and not again."""
    error: BaseException | None = None
    """Why it went no further: ParityError for itself, StackError for its stacks, others are faults."""

    @property
    def is_of_the_journey(self) -> bool:
        """Whether others can be played on the same stacks."""
        return self.error is None or (
            isinstance(self.error, ParityError) and not isinstance(self.error, StackError)
        )


Event = Judged | JourneyEnd
