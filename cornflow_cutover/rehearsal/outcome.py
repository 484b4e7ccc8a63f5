"""What is asked of a rehearsal, and what came of it."""

from collections import Counter
from dataclasses import dataclass, field

from cornflow_cutover.rehearsal.client import RequestLog
from cornflow_cutover.rehearsal.timeline import Moment


@dataclass
class RehearsalOutcome:
    """What happened, for the report and the picture."""

    log: RequestLog
    began: float
    moments: list[Moment] = field(default_factory=list)
    modes: list[tuple[float, Counter[str]]] = field(default_factory=list)
    """Seconds from the beginning, and how many operations were in each mode then."""
    planted: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """By operation: from when to when clients may have met a bug. Seconds since 1970."""
    rollback_seconds: dict[str, float] = field(default_factory=dict)
    """By bug: from the first reply that showed it to the operation being the legacy's again."""
    found_seconds: dict[str, float] = field(default_factory=dict)
    """By bug: from its planting to the breach, samples and all."""
    rows_wrong: list[str] = field(default_factory=list)
    rows_counted: int = 0
    unasked: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failures(self) -> list[str]:
        """Failed requests that no planted bug explains."""
        return [
            f"{one.operation}: {one.status} by {one.stack}"
            + (f" (sent {one.retries + 1} times)" if one.retries else "")
            for one in self.log.asked
            if not one.good and not self._explained(one.operation, one.began)
        ]

    @property
    def explained(self) -> int:
        return sum(
            not one.good and self._explained(one.operation, one.began) for one in self.log.asked
        )

    def _explained(self, operation: str, at: float) -> bool:
        return any(start <= at <= end for start, end in self.planted.get(operation, ()))


@dataclass(frozen=True)
class RehearsalOptions:
    samples: int
    seconds: float
    limit: float
    """The longest it may take, in seconds."""
