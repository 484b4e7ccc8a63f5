"""The file `guards.toml` as a model: what is refused before the legacy is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator
from sqlalchemy import text

from legacy_bridge.guards.places import Place, PlaceError, PlaceKind
from legacy_bridge.operations.operation import Operation, OperationError
from parity_core.files.read import read_toml
from parity_core.files.sentence import nearest
from parity_core.files.table import Integer, Named, Regex, Table, WrongValue

MAX_BODY_BYTES = 256 * 1024 * 1024
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
"""Where a refusal's body names a value of the request."""
_CONDITIONS = ("refuse_if_row", "refuse_unless_row", "refuse_if_match", "refuse_unless_match")

GuardName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")]


class GuardTable(Table):
    """One hole: of which operation, what the request says, when it is refused, and how.

    Exactly one of the four conditions is written. A guard says nothing about a request that lacks one of its values.
    """

    name: GuardName
    """Small letters, digits and hyphens; `cutover guards off NAME` and the metrics call it so."""
    operation: Named
    """One operation, as `cutover status` lists it. HEAD belongs to GET."""
    about: Named
    """What the hole is."""
    values: dict[str, str]
    """Where each value is: `path idx`, `query limit`, `header x-role`, `body /items/0/id` (a JSON pointer), or `identity`."""
    refuse_if_row: Named | None = None
    """SQL, with the values as `:name`, all of them texts: refused when it gives a row."""
    refuse_unless_row: Named | None = None
    """The same: refused when it gives none."""
    refuse_if_match: dict[str, Regex] = Field(default={})
    """A regular expression for each value that counts: refused when all match, whole."""
    refuse_unless_match: dict[str, Regex] = Field(default={})
    """The same: refused unless all match."""
    unless_environment: dict[str, Regex] = Field(default={})
    """Environment variables of a deployment that has no such hole, with what they are there."""
    status: Annotated[Integer, Field(ge=400, le=499)]
    """Of the refusal."""
    body: dict[str, Any]
    """Of the refusal, as JSON; `${name}` in a text is that value."""
    headers: dict[str, str] = Field(default={})
    """Of the refusal, besides its type and length."""

    @field_validator("operation")
    @classmethod
    def _is_operation(cls, value: str) -> str:
        try:
            return str(Operation.parse(value))
        except OperationError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for name, where in self.values.items():
            if not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise WrongValue("is no name: letters, digits and _", "values", name)
            try:
                Place.parse(where)
            except PlaceError as error:
                raise WrongValue(str(error), "values", name) from None
        written = [one for one in _CONDITIONS if getattr(self, one)]
        if len(written) != 1:
            raise ValueError(f"needs exactly one of {', '.join(f'`{one}`' for one in _CONDITIONS)}")
        for key, names in self._named():
            for name in names:
                if name not in self.values:
                    raise WrongValue(
                        f"names the value `{name}`, which is not in `values`"
                        f"{nearest(name, self.values)}",
                        *key,
                    )
        return self

    def _named(self) -> Iterator[tuple[tuple[str, ...], Iterable[str]]]:
        """Where values are named, with the key that names them."""
        for key, sql in self.queries.items():
            yield (key,), text(sql).compile().params
        for key in ("refuse_if_match", "refuse_unless_match"):
            for name in getattr(self, key):
                yield (key, name), (name,)
        yield ("body",), _placeholders(self.body)

    @property
    def queries(self) -> dict[str, str]:
        both = {key: getattr(self, key) for key in ("refuse_if_row", "refuse_unless_row")}
        return {key: sql for key, sql in both.items() if sql}

    @property
    def places(self) -> dict[str, Place]:
        return {name: Place.parse(where) for name, where in self.values.items()}

    def holds_in(self, environment: Mapping[str, str]) -> bool:
        """Whether a deployment has the hole at all."""
        return not any(
            re.fullmatch(pattern, environment.get(name, ""))
            for name, pattern in self.unless_environment.items()
        )


class GuardsFile(Table):
    """`guards.toml`: holes of the legacy that the bridge refuses while the legacy still answers."""

    identity: Annotated[str, StringConstraints(pattern=r"^[\w.]+:\w+$")] | None = None
    """`package.module:function` that says who asks: given the port and the request's headers, a text or None."""
    max_body_bytes: Annotated[Integer, Field(ge=1)] = MAX_BODY_BYTES
    """Of a body that a guard must read, as it is sent and as it is inflated; more is 413."""
    guard: tuple[GuardTable, ...] = ()
    """The guards; those of one operation are asked in their order."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        names: set[str] = set()
        for number, one in enumerate(self.guard):
            if one.name in names:
                raise WrongValue("is the name of another guard, too", "guard", number, "name")
            names.add(one.name)
            for name, place in one.places.items():
                if place.kind is PlaceKind.IDENTITY and self.identity is None:
                    message = "needs the function that `identity` at the top of the file names"
                    raise WrongValue(message, "guard", number, "values", name)
        return self


def load(path: Path) -> GuardsFile:
    """Raises ParityError: one sentence with the file, the line and the key that is wrong."""
    return read_toml(path, GuardsFile)


def _placeholders(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _placeholders(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _placeholders(one)
