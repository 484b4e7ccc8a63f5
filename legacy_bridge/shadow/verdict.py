"""What came of comparing one pair, and how many there were of each."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Table

from legacy_bridge.operations.operation import Operation, Stack
from legacy_bridge.shadow.contract import ClientExchange, ComparisonStage
from legacy_bridge.shadow.rows.recording import Recording


class PairVerdict(StrEnum):
    """One word for a pair. Only the first two say something about the port."""

    SAME = "same"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"
    """Somebody else wrote meanwhile, a lock was not to be had, the other stack took too long."""
    NOT_COMPARABLE = "not comparable"
    """This kind of request can't be answered twice without being noticed."""
    DROPPED = "dropped"
    """Wanted and not compared: the queue was full, a body too long, the bridge stopped."""


class Reason(StrEnum):
    """Few words, for counting: why a pair says nothing."""

    QUEUE_FULL = "queue full"
    BYTES_FULL = "queue full by bytes"
    BODY_TOO_LONG = "body too long"
    STOPPED = "bridge stopped"
    BROKEN = "comparison failed"
    CUT_SHORT = "reply cut short"
    TIMEOUT = "too slow"
    BUSY = "gave way to clients"
    CHANGED = "changed meanwhile"
    TOO_LATE = "too late"
    UNAVAILABLE = "the database is away"
    UNKNOWN_ANSWER = "answer of another service not known"
    WRITE = "write"
    UNFOLLOWED = "statement that can't be followed"
    OUTSIDE = "reaches outside the database"
    TOO_LARGE = "database too large to copy"


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """What a `Comparer` says of one pair. `reason` is given when the verdict says nothing of the port."""

    verdict: PairVerdict
    reason: Reason | None = None
    status: int = 0
    """Of the compared stack; 0 when it failed."""
    seconds: float = 0.0
    """That the compared stack took."""
    example: Mapping[str, Any] | None = None
    """Of a difference: both requests and replies, masked, and the places. JSON values."""
    detail: str = ""
    """For the log."""
    if_quiet: bool = False
    """A difference only if this process has written nothing since the request came."""


class Comparer(Protocol):
    """Asks the other stack and compares. One for each pair of applications."""

    def watch(self) -> None:
        """Hooks into this process, so that what a request does can be noted. `startup` does it too."""

    def tables(self) -> Mapping[str, Table]:
        """The tables that the stacks write, by name."""

    async def startup(self, stage: ComparisonStage) -> None: ...
    async def shutdown(self) -> None: ...

    async def ready(self) -> None:
        """Returns once pairs can be compared. Raises TimeoutError when that takes too long."""

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        """Why such requests are never compared; None when they are. Cheap."""

    def repeatable(self, operation: Operation, method: str) -> bool:
        """Whether the stack that answered may be asked again. If not, what it reads is noted. Cheap."""

    async def compare(self, exchange: ClientExchange, recording: Recording) -> PairOutcome: ...


@dataclass(slots=True)
class Counters:
    """How many pairs came to what, by operation, since this process started. Nothing is left out:
    the sum over an operation is the number of pairs that were wanted, less those still waiting."""

    counts: Counter[tuple[str, PairVerdict, str]] = field(default_factory=Counter)
    _subscribers: list[Callable[[str, str, str], None]] = field(default_factory=list)

    def subscribe(self, count: Callable[[str, str, str], None]) -> None:
        """Has `count` called for each pair from now on, with operation, verdict and reason."""
        self._subscribers.append(count)

    def add(self, operation: Operation, verdict: PairVerdict, reason: Reason | None = None) -> None:
        self.counts[str(operation), verdict, reason or ""] += 1
        for count in self._subscribers:
            count(str(operation), verdict.value, "" if reason is None else reason.value)

    def of(self, operation: Operation | str) -> dict[str, int]:
        """`{"same": 3, "dropped: queue full": 1}`."""
        by_reason: dict[str, int] = {}
        for (name, verdict, reason), count in self.counts.items():
            if name == str(operation):
                by_reason[f"{verdict}: {reason}" if reason else str(verdict)] = count
        return by_reason

    def total(self, verdict: PairVerdict) -> int:
        return sum(count for (_, counted, _), count in self.counts.items() if counted is verdict)
