"""The file `matrix.yaml` as a model: who asks, what there is, and one valid request of each operation."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from parity_core.files.sentence import nearest
from parity_core.files.table import Integer, Named, Scalar, Strings, Table, WrongValue
from parity_tests.parity_toml import ServiceName, UserTable

Steps = tuple[Any, ...]
"""Requests as in a journey; `journeys.read` checks them."""


class MatrixFile(Table):
    """`matrix.yaml`: who may do what."""

    services: tuple[ServiceName, ...] = ()
    """Servers beside the stacks."""
    settings: dict[str, tuple[Scalar, ...]] = Field(default_factory=dict)
    """Environment variables and their values, the usual one first; every combination is asked."""
    users: tuple[UserTable, ...] = ()
    """Beside those of the configuration; `prepare` makes them."""
    columns: dict[Scalar, Named | None]
    """Who asks, by the word for the table's head: a user's name, or `nobody`."""
    stranger: Named
    """Who owns what is another's."""
    prepare: Steps = ()
    """Requests that make what all need."""
    objects: Steps = ()
    """Requests that everybody who owns something makes."""
    finish: Steps = ()
    """Requests after `objects`."""
    sql: str = ""
    """Run on what was prepared: for what the API cannot say."""
    each_setting: Steps = ()
    """Requests at the beginning of every setting."""
    lets_in: dict[str, frozenset[Integer]] = Field(default_factory=dict)
    """By operation: statuses from 400 on which mean that the guard was passed."""
    leave_out: Strings = Field(default_factory=dict)
    """Operations without a request, and why."""
    requests: Steps
    """One valid request of every operation."""

    @model_validator(mode="before")
    @classmethod
    def _empty_is_not_said(cls, value: Any) -> Any:
        return (
            {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
        )

    def check_users(self, known: list[str], nobody: str) -> None:
        """Raises WrongValue for a name that is nobody's."""
        names = [*known, *(user.name for user in self.users), nobody]
        for column, user in self.columns.items():
            if user is not None and user not in names:
                raise WrongValue(f"no user `{user}`{nearest(user, names)}", "columns", column)
        if self.stranger not in names[:-1]:
            raise WrongValue(
                f"no user `{self.stranger}`{nearest(self.stranger, names[:-1])}", "stranger"
            )
