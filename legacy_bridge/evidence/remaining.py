"""What still needs the legacy, before it can be switched off: operations, their traffic, and the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from legacy_bridge.modes.decisions import Decisions
from legacy_bridge.operations.census import Census
from legacy_bridge.operations.operation import Mode, Stack


@dataclass(frozen=True, slots=True)
class DayOfTraffic:
    """Requests of clients for one operation that one stack answered on one day (UTC)."""

    day: str
    operation: str
    stack: Stack
    requests: int


@dataclass(slots=True)
class OperationLeft:
    """One operation, and what keeps it from being the port's alone. No reason: nothing does."""

    operation: str
    mode: str
    reason: str | None
    requests: dict[Stack, int] = field(default_factory=lambda: dict.fromkeys(Stack, 0))
    last_by_legacy: str | None = None
    """The last day on which the legacy answered it."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """The report. `leftovers` are the assembly's words about configuration and rows."""

    days: int
    operations: Sequence[OperationLeft]
    infrastructure: Sequence[str]
    """The legacy's rules that are no operations and go with it: static files, its own documents."""
    leftovers: Sequence[str]

    @property
    def held(self) -> list[OperationLeft]:
        return [one for one in self.operations if one.reason is not None]

    @property
    def needs_legacy(self) -> bool:
        return bool(self.held or self.leftovers)

    def requests(self, stack: Stack) -> int:
        return sum(one.requests[stack] for one in self.operations)

    @property
    def ported_share(self) -> float | None:
        """Of the requests in these days, 0 to 1; None when there were none."""
        total = sum(self.requests(stack) for stack in Stack)
        return self.requests(Stack.PORTED) / total if total else None


def first_day(days: int, today: date | None = None) -> str:
    """The first of the last `days` days, as `bridge_traffic` writes it."""
    return ((today or datetime.now(UTC).date()) - timedelta(days=days - 1)).isoformat()


def remaining(
    census: Census,
    decisions: Decisions,
    traffic: Iterable[DayOfTraffic],
    leftovers: Sequence[str],
    *,
    days: int,
) -> Remaining:
    """Puts together what is known. Pure."""
    left = {}
    for entry in census.entries:
        mode = decisions.mode(entry.operation)
        reason = None
        if not entry.ported:
            reason = "not ported"
        elif decisions.killed:
            reason = "the kill switch is on"
        elif mode is not Mode.PORTED:
            reason = f"mode {mode}"
        name = str(entry.operation)
        left[name] = OperationLeft(name, mode.value, reason)
    for one in traffic:
        known = left.get(one.operation)
        if known is None:
            continue
        known.requests[one.stack] += one.requests
        if one.stack is Stack.LEGACY and one.day > (known.last_by_legacy or ""):
            known.last_by_legacy = one.day
    return Remaining(days, list(left.values()), census.infrastructure, leftovers)
