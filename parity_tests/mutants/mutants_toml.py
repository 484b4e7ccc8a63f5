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


class GeneratedTable(Table):
    """Which files of the port are changed by rules, for `parity mutants --generated`."""

    files: tuple[Named, ...] = Field(min_length=1)
    """Globs below the folder that the package lies in: `shop/services/*.py`."""
    skip_calls: tuple[Named, ...] = ()
    """Statements that call one of these, and decorators, are left alone: `logger.*`."""
    equivalent: Named | None = None
    """The file of those that change nothing, relative to this one."""
    tests: tuple[Named, ...] = ()
    """The command of the unit tests; `{python}` is this interpreter, `{tests}` the files that are run."""
    test_files: tuple[Named, ...] = ()
    """Globs of the files to choose from, below the package's folder: those that import a mutant's file most directly."""
    tests_beside: tuple[Named, ...] = ()
    """What the tests expect beside the package's folder."""


class MutantsFile(Table):
    """`mutants.toml`: bugs that `parity mutants` plants, one at a time."""

    mutant: tuple[MutantTable, ...] = Field(min_length=1)
    """The bugs."""
    generated: GeneratedTable | None = None
    """What mutants are made of by rules."""

    @model_validator(mode="after")
    def _every_id_once(self) -> Self:
        first: dict[str, int] = {}
        for number, mutant in enumerate(self.mutant):
            if first.setdefault(mutant.id, number) != number:
                raise WrongValue(f"`{mutant.id}` has been planted above", "mutant", number, "id")
        return self
