"""How the rows of one database are watched, read and written back; what a database can do is its access's.

A step asks `written` once or twice, so that must cost next to nothing; only tables that `stale` names are read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Row = tuple[Any, ...]
Rows = dict[tuple[Any, ...], Row]


@dataclass(frozen=True)
class DatabaseTable:
    name: str
    columns: tuple[str, ...]
    key: tuple[int, ...]
    """Positions of the primary key's columns; none means that the whole row is the key."""
    json: frozenset[str]
    times: tuple[str, ...] = ()
    """Columns that hold a date with a time."""

    @property
    def names(self) -> str:
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(f'"{self.columns[position]}"' for position in self.key)


class RowAccess(ABC):
    """One connection to one database, for its tables. `driver` is the DB-API's own connection."""

    def __init__(self, driver: Any, tables: Sequence[DatabaseTable]) -> None:
        self.tables = tables
        self.driver = driver

    @abstractmethod
    def written(self) -> bool:
        """Whether anything may have been written since this was asked last."""

    @abstractmethod
    def stale(self) -> Iterable[DatabaseTable]:
        """The tables that may have been written to since this was asked last."""

    @abstractmethod
    def fetch(self, table: DatabaseTable) -> list[Row]: ...

    def touched(self, table: DatabaseTable) -> bool:
        """Whether rows were written since the baseline, even if they are what they were."""
        return False

    @abstractmethod
    def rebase(self) -> None:
        """What was read last is what a restore returns to; beside the rows, which the reader knows."""

    @abstractmethod
    def restore(self, touched: Sequence[tuple[DatabaseTable, Rows, Rows]]) -> None:
        """Writes tables back, each with the rows it has and those it is to have; tells `stale` of it."""

    @abstractmethod
    def baseline(self) -> Any:
        """What `go_back` needs beside the rows to have this baseline again after another."""

    @abstractmethod
    def go_back(self, baseline: Any) -> None:
        """A `restore` returns to that baseline again."""

    @abstractmethod
    def age(self, days: int) -> None:
        """Takes so many days from every time in every row."""

    @abstractmethod
    def restored(self) -> None:
        """What was read last is the baseline again."""


def outcome(now: Rows, then: Rows) -> tuple[list[tuple[Any, ...]], list[Row]]:
    """What makes `then` of `now`: the keys of rows to delete, and the rows to insert."""
    extra = [key for key, row in now.items() if then.get(key) != row]
    return extra, [row for key, row in then.items() if now.get(key) != row]
