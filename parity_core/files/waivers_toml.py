"""The file `waivers.toml` as a model: accepted differences, with an owner, a reason and an end."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Strict, model_validator

from parity_core.compare import waivers
from parity_core.files.read import read_toml
from parity_core.files.rules_toml import Database
from parity_core.files.table import Integer, Named, Table
from parity_core.model import Waiver


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Day = Annotated[date, Strict()]
Names = Annotated[tuple[Named, ...], BeforeValidator(_list)]


class WaiverTable(Table):
    """One accepted difference."""

    operation: Named
    """A glob of operations."""
    place: Names
    """A glob of places, or a list of them."""
    owner: Named
    """Who answers for it."""
    reason: Named
    """Why it is accepted."""
    expires: Day
    """The last day on which it is; after it the waiver fails the run."""
    legacy_status: Integer | None = None
    """Only when the legacy answers with this status."""
    ported_status: Integer | None = None
    """Only when the port answers with this status."""
    legacy: Any = None
    """Only when this is the legacy's value."""
    ported: Any = None
    """Only when this is the port's value."""
    database: Database | None = None
    """Only on this kind of database."""
    path: Named | None = None
    """Only for paths that match this glob."""

    @property
    def waiver(self) -> Waiver:
        values = self.model_dump(exclude_unset=True)
        return waivers.parse({**values, "place": list(self.place)})

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _ = self.waiver
        return self


class WaiversFile(Table):
    """`waivers.toml`: differences that are accepted."""

    waiver: tuple[WaiverTable, ...] = ()
    """Accepted differences."""


def load(path: Path) -> list[Waiver]:
    """The waivers of a file, none without one. Raises ParityError."""
    return [one.waiver for one in read_toml(path, WaiversFile).waiver] if path.exists() else []
