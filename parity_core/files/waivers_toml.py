"""The file `waivers.toml` as a model: accepted differences, with an owner, a reason and an end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    Strict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from parity_core.compare import waivers
from parity_core.compare.expectation import ExpectedReply, ExpectedRow
from parity_core.files.read import read_text, read_toml
from parity_core.files.rules_toml import Database
from parity_core.files.sentence import nearest
from parity_core.files.table import Boolean, ChosenModel, Integer, Named, Regex, Table, WrongValue
from parity_core.model import Waiver

_TABLE_OF_ROWS = re.compile(r"rows/[^/*]+")
_WAIVER = re.compile(r"\s*\[\[\s*waiver\s*\]\]")


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Day = Annotated[date, Strict()]
Names = Annotated[tuple[Named, ...], BeforeValidator(_list), Field(min_length=1)]
Count = Annotated[Integer, Field(ge=1)]


class RequestTable(Table):
    """Which requests are meant: everything that is said must hold."""

    path: Regex | None = None
    """A regular expression of the whole path as it was sent."""
    query: Regex | None = None
    """A regular expression of something in the query as it was sent."""
    body: Regex | None = None
    """A regular expression of something in the body, inflated; JSON has one blank after `,` and `:`."""
    headers: dict[str, Regex] = Field(default_factory=dict)
    """By name, a regular expression of something in the header; one that was not sent is empty."""


class ReplyTable(Table):
    """A whole reply that is expected. It has one of `body`, `body_matches` and `body_echoes`."""

    status: Integer
    """The status."""
    body: Any = None
    """The exact body: a text, or the JSON value, with expectations as `{ matches = … }` in it."""
    body_matches: str | None = None
    """A regular expression of the whole body."""
    body_echoes: dict[str, Any] | None = None
    """Of a body that repeats the object that was sent: what it has beside that."""
    headers: dict[str, Any] = Field(default_factory=dict)
    """Those that differ: what is expected of each, by name."""


class RowTable(Table):
    """A row that is expected, by `place = "rows/TABLE"`. It has one of these keys."""

    inserted: dict[str, Any] | None = None
    """The columns of a row that was inserted."""
    updated: dict[str, Any] | None = None
    """The columns of a row that was updated."""
    deleted: dict[str, Any] | None = None
    """The columns of a row that was deleted."""
    missing: Boolean | None = None
    """`true`: there is no such row."""


def _model_of(waiver: Mapping[str, Any]) -> type[ReplyTable | RowTable] | None:
    """Without a place a reply; of a table of rows a row; else a value, whose keys are free."""
    place = waiver.get("place")
    if place is None:
        return ReplyTable
    places = [place] if isinstance(place, str) else list(place)
    is_row = len(places) == 1 and _TABLE_OF_ROWS.fullmatch(str(places[0])) is not None
    return RowTable if is_row else None


Side = Annotated[Any, ChosenModel((ReplyTable, RowTable), _model_of)]


class DefaultsTable(Table):
    """For all waivers that do not say it themselves."""

    operation: Named | None = None
    """A glob of operations, with a letter in it."""
    place: Names | None = None
    """A glob of places, or a list of them; without it the waiver is of two whole replies."""
    owner: Named | None = None
    """Who answers for it."""
    reason: Named | None = None
    """Why it is accepted."""
    expires: Day | None = None
    """The last day on which it is; after it the waiver fails the run."""
    request: RequestTable | None = None
    """Only for such requests."""
    legacy: Any = None
    """What is expected of the legacy."""
    ported: Any = None
    """What is expected of the port."""
    legacy_status: Integer | None = None
    """With a `place`: only when the legacy answers with this status."""
    ported_status: Integer | None = None
    """With a `place`: only when the port answers with this status."""
    at_most: Count | None = None
    """Of a row or a call: how many of one pair it accepts; one when it is not said."""
    database: Database | None = None
    """Only on this kind of database."""
    at_once: Boolean = False
    """Only for what several clients at the same time cause, as `parity fuzz` sends them."""


class WaiverTable(DefaultsTable):
    """One accepted difference."""

    operation: Named
    """A glob of operations, with a letter in it."""
    owner: Named
    """Who answers for it."""
    reason: Named
    """Why it is accepted."""
    expires: Day
    """The last day on which it is; after it the waiver fails the run."""
    legacy: Side
    """What is expected of the legacy: a reply or the name of one, with a `place` a row or a value."""
    ported: Side
    """What is expected of the port, likewise."""

    @field_validator("legacy", "ported")
    @classmethod
    def _expected(cls, value: Any, info: ValidationInfo) -> Any:
        if "place" not in info.data:
            return value
        model, side = _model_of(info.data), str(info.field_name)
        if model is None or (model is ReplyTable and isinstance(value, str)):
            return value
        if isinstance(value, dict):
            # what is wrong in it is said with the way to its key
            model.model_validate(value)
        if model is ReplyTable:
            ExpectedReply.parse(value, side)
        else:
            ExpectedRow.parse(value, side)
        return value


class WaiversFile(Table):
    """`waivers.toml`: differences that are accepted."""

    defaults: DefaultsTable = DefaultsTable()
    """What many waivers say."""
    replies: dict[str, ReplyTable] = Field(default_factory=dict)
    """Replies with a name, for `legacy = "NAME"` and `ported = "NAME"`."""
    waiver: tuple[WaiverTable, ...] = ()
    """Accepted differences."""

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, data: Any) -> Any:
        try:
            usual = DefaultsTable.model_validate(data["defaults"]).model_fields_set
            every = [data["defaults"] | one for one in data["waiver"]]
        except (LookupError, TypeError, ValidationError):
            # there are none, or they are refused by themselves
            return data
        return {**data, "waiver": every} if usual else data

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for name, reply in self.replies.items():
            try:
                ExpectedReply.parse(reply.model_dump(exclude_unset=True), name)
            except ValueError as error:
                raise WrongValue(str(error), "replies", name) from None
        self.waivers()
        return self

    def waivers(self, lines: Mapping[int, str] | None = None) -> list[Waiver]:
        """`lines`: where each begins, by its number. Raises WrongValue."""
        parsed = []
        for number, one in enumerate(self.waiver):
            try:
                parsed.append(
                    waivers.parse(self._table(number, one), (lines or {}).get(number, ""))
                )
            except WrongValue:
                raise
            except ValueError as error:
                raise WrongValue(str(error), "waiver", number) from None
        return parsed

    def _table(self, number: int, one: WaiverTable) -> dict[str, Any]:
        """What it says, with the replies that it names."""
        table = one.model_dump(exclude_unset=True)
        if one.place is not None:
            return {**table, "place": list(one.place)}
        for side in ("legacy", "ported"):
            # nothing at all is no name: the reader of waivers refuses it
            if (name := table[side]) and isinstance(name, str):
                if name not in self.replies:
                    suggestion = nearest(name, self.replies)
                    message = f"there is no [replies.{name}] in the file{suggestion}"
                    raise WrongValue(message, "waiver", number, side)
                table[side] = self.replies[name].model_dump(exclude_unset=True)
        return table


def load(path: Path) -> list[Waiver]:
    """The waivers of a file, none without one. Raises ParityError."""
    if not path.exists():
        return []
    file, lines = read_toml(path, WaiversFile), read_text(path).splitlines()
    starts = [number for number, line in enumerate(lines, 1) if _WAIVER.match(line)]
    return file.waivers({number: f"{path.name}:{line}" for number, line in enumerate(starts)})
