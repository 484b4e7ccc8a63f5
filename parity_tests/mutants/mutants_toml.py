"""The file `mutants.toml` as a model: the bugs that are planted in a copy of the port."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from parity_core.files.table import Boolean, Named, Table, WrongValue


class MutantTable(Table):
    """One bug."""

    id: Named
    """Its name."""
    about: str
    """What is wrong with it, in a sentence."""
    file: Named
    """Where it is planted, from the folder in which the package lies: `shop/prices.py`."""
    find: Named
    """Text that the file has exactly once."""
    replace: str
    """What takes its place."""
    operation: Named
    """The operation that it shows in."""
    place: Named
    """A glob of where in the comparison."""
    journeys: tuple[Named, ...]
    """Journeys that are replayed for it."""
    kind: str = ""
    """The sort of mistake: `wrong default`, `lost permission`, …"""
    group: str = ""
    """Of those that are planted by `--group` alone; the others have none."""
    equivalent: Boolean = False
    """It changes nothing that a client can see: whoever finds it is wrong."""


class MutantsFile(Table):
    """`mutants.toml`: bugs that `parity mutants` plants, one at a time."""

    mutant: tuple[MutantTable, ...] = Field(min_length=1)
    """The bugs."""

    @model_validator(mode="after")
    def _every_id_once(self) -> Self:
        first: dict[str, int] = {}
        for number, mutant in enumerate(self.mutant):
            if first.setdefault(mutant.id, number) != number:
                raise WrongValue(f"`{mutant.id}` has been planted above", "mutant", number, "id")
        return self
