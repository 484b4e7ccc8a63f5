"""The file `rules.toml` as a model: values that each stack generates, lists without an order, what is not compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from parity_core.compare import rules, unordered
from parity_core.compare.rules import Rule, RuleKind, Rules
from parity_core.compare.unordered import Unordered
from parity_core.files.read import read_toml
from parity_core.files.sentence import nearest
from parity_core.files.table import Named, Regex, Table

Database = Literal["sqlite", "postgresql"]


def _kind(text: str) -> str:
    name, colon, namespace = text.partition(":")
    kinds = [kind.value for kind in RuleKind]
    if name not in kinds:
        raise ValueError(f"can not be {text!r}{nearest(name, kinds)}")
    if colon and not namespace:
        raise ValueError("is written `id:namespace`, as in `id:users`")
    return text


KindText = Annotated[str, AfterValidator(_kind)]


class RuleTable(Table):
    """What must hold for the values of one place. The first rule that matches wins."""

    place: Named
    """A glob of places: `*` is one segment, `**` any number."""
    kind: KindText
    """`id:NAMESPACE`, `timestamp`, `token`, `password_hash`, `secret`, `pattern` or `duration`."""
    operation: Named = "*"
    """A glob of operations."""
    pattern: Regex | None = None
    """Of a `pattern`: text outside its groups is equal."""
    group: KindText | None = None
    """Of a `pattern`: the kind of what its groups match."""
    verify: str = ""
    """Of a `token`: the environment variable with the key that must have signed it."""
    form: Regex | None = None
    """Of a `secret`: what both must look like; without it they have one length."""
    about: str = ""
    """For the reader."""

    @property
    def rule(self) -> Rule:
        return rules.parse(self.model_dump(exclude_unset=True))

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _ = self.rule
        return self


class UnorderedTable(Table):
    """A list that the legacy itself does not order."""

    operation: Named
    """One operation, without `*`."""
    place: Named
    """Of the list, without `*`: `body`, `body/executions`."""
    reason: Named
    """Where the legacy leaves the order out."""
    database: Database | None = None
    """Where rows have no order of their own; everywhere when it is not said."""
    paths: tuple[Named, ...] = ()
    """Of an operation with many lists, the paths of those that are meant."""

    @property
    def list(self) -> Unordered:
        return unordered.parse(self.model_dump(exclude_unset=True))

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _ = self.list
        return self


class HeaderTable(Table):
    """A header of this application that is not compared."""

    name: Named
    """Its name, large or small."""
    reason: Named
    """Why it is not compared."""

    @property
    def ignored(self) -> dict[str, str]:
        return rules.ignored_header(self.model_dump())

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _ = self.ignored
        return self


class JsonEndingTable(Table):
    """Blanks after the JSON of a body that are no difference."""

    legacy: str
    """What the legacy writes there."""
    ported: str
    """What the port writes there."""
    reason: Named
    """Why nobody minds."""

    @property
    def ending(self) -> tuple[bytes, bytes]:
        return rules.json_ending(self.model_dump())

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _ = self.ending
        return self


class RulesFile(Table):
    """`rules.toml`: where equal means something else."""

    rule: tuple[RuleTable, ...] = ()
    """Values that each stack generates."""
    unordered: tuple[UnorderedTable, ...] = ()
    """Lists without an order."""
    header: tuple[HeaderTable, ...] = ()
    """Headers that are not compared."""
    json_ending: tuple[JsonEndingTable, ...] = ()
    """Blanks after JSON that are no difference."""


def load(path: Path, database: str) -> Rules:
    """The rules of a file as they hold on one database, none without a file. Raises ParityError."""
    if not path.exists():
        return Rules()
    file = read_toml(path, RulesFile)
    lists = [one.list for one in file.unordered]
    return Rules(
        [one.rule for one in file.rule],
        [one for one in lists if one.database in (None, database)],
        {name: reason for one in file.header for name, reason in one.ignored.items()},
        [one.ending for one in file.json_ending],
    )
