"""What comparisons may cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Priority(StrEnum):
    """Of the process that compares, against everything else on its machine."""

    IDLE = "idle"
    """Only when nobody else wants the processor: on a machine that is always busy little is compared."""
    LOW = "low"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class Limits:
    share: float = 1.0
    """Of the requests, 0 to 1, that are compared."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """The same for single operations, by name."""
    rate: float = 0.0
    """Pairs of one operation that are wanted in a second, in the long run; 0 is no limit. What is above
    is not looked at, as with the share."""
    burst: int = 20
    """Pairs of one operation that are wanted at once after a quiet time."""
    items: int = 200
    bytes: int = 32 * 1024 * 1024
    body: int = 1024 * 1024
    """Bytes of one body; pairs with longer ones are dropped."""
    age: float = 15.0
    """Seconds after which a pair that waits is dropped: by then others have written."""
    workers: int = 1
    seconds: float = 10.0
    """For one comparison, all in all."""
    patience: float = 0.25
    """Seconds that a comparison waits for a moment in which no client does."""
