"""How much worse than the legacy the port may be before an operation is taken back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


class BudgetError(ValueError):
    """The budget can't be; the text says what may be written."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one operation. Rates are shares of 1."""

    errors: float = 0.01
    """5xx and failures of the port, above the legacy's own rate."""
    differences: float = 0.01
    """Pairs that differ and have no waiver."""
    latency_ratio: float = 2.0
    """The port's median by the legacy's; 0: latency is not judged."""
    latency_ratio_p95: float = 3.0
    """The same of the 95th percentiles."""
    latency_floor_ms: float = 50.0
    """Below this the port is fast enough, whatever the ratio."""
    samples: int = 20
    """Fewer replies of the port than this say nothing good about it."""
    compared: int = 0
    """Pairs there must be before differences are in order."""
    fewest: int = 3
    """A rate is never broken by fewer failures or differences than this."""
    window: int = 60
    """Seconds in which trouble is looked for: what is new is not hidden by a long good time."""
    long_window: int = 3600
    """Seconds of evidence for going on, and for trouble that comes slowly; up to 6 hours."""

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Checks names and values."""
        return type(self)(**{**asdict(self), **check(changes)})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


LONGEST = 6 * 3600
"""The longest window, in seconds: evidence is kept that long."""

_SHARES = ("errors", "differences")


def check(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with their values as numbers. Raises BudgetError."""
    known = {name: type(value) for name, value in asdict(Budget()).items()}
    limits: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise BudgetError(f"a budget has no '{name}': it has {', '.join(known)}")
        try:
            number = known[name](value)
        except (TypeError, ValueError):
            raise BudgetError(f"{name}: '{value}' is not a number") from None
        most = 1 if name in _SHARES else LONGEST if "window" in name else float("inf")
        least = 10 if "window" in name else 1 if name in ("samples", "fewest") else 0
        if not least <= number <= most:
            raise BudgetError(f"{name}: {value} is not between {least} and {most:g}")
        limits[name] = number
    return limits


def budget_of(names: tuple[str, ...], stored: Mapping[str, Mapping[str, Any]]) -> Budget:
    """`names` from the most general to the most special; what is stored for each overrides the last."""
    made = Budget()
    for name in names:
        if name in stored:
            made = made.with_changes(stored[name])
    return made
