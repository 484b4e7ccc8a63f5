"""What became of what clients wrote during one fault: acknowledged, lost, doubled, refused. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class WriteFate(StrEnum):
    """What its client was answered."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """By a status, or because nothing listened."""
    CUT = "cut"
    """No reply: the connection ended, or the client did not wait any longer."""


@dataclass(frozen=True, slots=True)
class Write:
    """One row that a client asked for, under a name that nobody else uses. Sent once."""

    table: str
    name: str
    fate: WriteFate
    ended: float
    """Seconds since 1970."""
    stack: str = "?"
    status: int = 0


@dataclass
class FaultTally:
    """`rows`: how often each name is in the database afterwards."""

    fault: str
    how: str = ""
    writes: list[Write] = field(default_factory=list)
    rows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    back_after: float | None = None
    """Seconds from the end of the fault until each kind of write was acknowledged again; None: never."""
    not_played: str = ""
    """Why it could not be played here."""
    is_broken: bool = False
    """It should have been played, and could not."""
    unfinished: list[str] = field(default_factory=list)
    """Acknowledged executions that never got a result."""

    @property
    def lost(self) -> list[str]:
        """Acknowledged, and not there."""
        gone = [_label(one) for one in self._of(WriteFate.ACKNOWLEDGED) if not self._count(one)]
        return gone + self.unfinished

    @property
    def doubled(self) -> list[str]:
        """There more often than once, whatever was answered."""
        return [
            f"{table} {name} {count} times"
            for (table, name), count in self.rows.items()
            if count > 1
        ]

    @property
    def unacknowledged(self) -> int:
        """Refused or cut, and there all the same: a client has to look before it asks again."""
        return sum(
            self._count(one) > 0 for one in self.writes if one.fate is not WriteFate.ACKNOWLEDGED
        )

    @property
    def good(self) -> bool:
        if self.not_played:
            return not self.is_broken
        return not self.lost and not self.doubled and self.back_after is not None

    def in_short(self) -> str:
        if self.not_played:
            return self.not_played.splitlines()[0]
        return (
            f"{self.count(WriteFate.ACKNOWLEDGED)} acknowledged, {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled"
        )

    def count(self, fate: WriteFate) -> int:
        return len(self._of(fate))

    def by_stack(self, fate: WriteFate) -> Counter[str]:
        return Counter(one.stack for one in self._of(fate))

    def statuses(self) -> Counter[str]:
        """Of what was refused; 0: nothing listened."""
        return Counter(str(one.status) for one in self._of(WriteFate.REFUSED))

    def as_json(self) -> dict[str, Any]:
        return {
            "fault": self.fault,
            "how": self.how,
            "not_played": self.not_played or None,
            "acknowledged": self.count(WriteFate.ACKNOWLEDGED),
            "acknowledged_by": dict(self.by_stack(WriteFate.ACKNOWLEDGED)),
            "lost": self.lost,
            "doubled": self.doubled,
            "refused": self.count(WriteFate.REFUSED),
            "refused_with": dict(self.statuses()),
            "cut": self.count(WriteFate.CUT),
            "there_without_acknowledgement": self.unacknowledged,
            "back_after_seconds": self.back_after,
            "good": self.good,
        }

    def _of(self, fate: WriteFate) -> list[Write]:
        return [one for one in self.writes if one.fate is fate]

    def _count(self, write: Write) -> int:
        return self.rows.get((write.table, write.name), 0)


def counted(rows: Iterable[tuple[str, str]], prefix: str) -> Counter[tuple[str, str]]:
    """The rows of one fault: those whose names begin with its prefix."""
    return Counter((table, name) for table, name in rows if name.startswith(prefix))


def _label(write: Write) -> str:
    return f"{write.table} {write.name} by {write.stack}"
