"""The file that `parity calibrate --out` writes, as a model: what the legacy differs in from itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from parity_core.compare import learned
from parity_core.compare.learned import Learned, LearnedKind, LearnedRule
from parity_core.files.read import read_toml
from parity_core.files.table import Integer, Named, Table
from parity_core.files.waivers_toml import Day

Count = Annotated[Integer, Field(ge=0)]


class EvidenceTable(Table):
    """Where it was seen first, and how often."""

    journey: str
    """The journey's name."""
    step: Count
    """The number of the step."""
    differed: Count
    """Pairs of the operation that differed there."""
    pairs: Count
    """All pairs of the operation."""


class LearnedTable(Table):
    """One learned rule."""

    operation: Named
    """A glob of operations."""
    place: Named
    """A glob of places."""
    kind: LearnedKind
    """What the rule accepts, from the strictest to the loosest."""
    learned: Day
    """When."""
    expires: Day
    """The last day on which it applies."""
    evidence: EvidenceTable
    """Where it was seen."""

    @property
    def rule(self) -> LearnedRule:
        return learned.parse(self.model_dump())

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _ = self.rule
        return self


class LearnedFile(Table):
    """Learned rules, for `parity run --learned FILE`."""

    learned: tuple[LearnedTable, ...] = ()
    """The rules."""


def load(path: Path, today: date) -> Learned:
    """Raises ParityError: one sentence with the file, the line and the key that is wrong."""
    file = read_toml(path, LearnedFile, "`parity calibrate --out FILE` writes one")
    return Learned([one.rule for one in file.learned], today)
