"""What the clients were told, to be compared with the rows in the end: nothing lost, nothing twice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class RequestFate(StrEnum):
    """What a client knows of a row it asked for."""

    MADE = "made"
    DELETED = "deleted"
    UNKNOWN = "unknown"
    """The connection was cut before the reply."""


@dataclass
class RequestLedger:
    """By table and unique name."""

    rows: dict[tuple[str, str], RequestFate] = field(default_factory=dict)

    def note(self, table: str, name: str, fate: RequestFate) -> None:
        self.rows[table, name] = fate

    def check(self, rows: Iterable[tuple[str, str]]) -> list[str]:
        """`rows` are the rows there are. What is wrong, in words."""
        counted = Counter(rows)
        wrong = []
        for (table, name), fate in self.rows.items():
            count = counted.pop((table, name), 0)
            if count > 1:
                wrong.append(f"{table}: {name} is there {count} times")
            elif fate is RequestFate.MADE and count == 0:
                wrong.append(f"{table}: {name} is lost")
            elif fate is RequestFate.DELETED and count:
                wrong.append(f"{table}: {name} was deleted and is there")
        wrong += [f"{table}: {name} was made by nobody" for table, name in counted]
        return wrong
