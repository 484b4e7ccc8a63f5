"""The file `performance.toml` as a model: which journeys, how often, and what the port may cost."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from parity_core.files.table import Integer, Named, Number, Table


class BudgetTable(Table):
    """What the port may cost."""

    ratio: Annotated[Number, Field(ge=0)] = 1.5
    """Of the ported time to the legacy's."""
    statements: Annotated[Integer, Field(ge=0)] | None = None
    """SQL statements of one request to the port, at most."""
    extra_statements: Annotated[Integer, Field(ge=0)] | None = 0
    """More than the legacy's, at most."""

    @property
    def values(self) -> dict[str, Any]:
        """What the table says, without defaults: the rest is that of the budget before."""
        return self.model_dump(exclude_unset=True, include={*BudgetTable.model_fields})


class OperationBudgetTable(BudgetTable):
    """A budget of the operations that match; what it does not say is that of [budget]."""

    operation: Named
    """A glob of operations. The last entry that matches counts."""
    reason: str = ""
    """For the reader."""


class PerformanceFile(Table):
    """`performance.toml`: what `parity performance` measures, and the budgets."""

    journeys: Named = "journeys"
    """The folder of journeys, relative to the file."""
    pairs: Annotated[Integer, Field(ge=1)] = 30
    """How often each journey is played."""
    budget: BudgetTable = BudgetTable()
    """Of all operations."""
    operation: tuple[OperationBudgetTable, ...] = ()
    """Of some operations."""
