"""What the models of files have in common: no unknown keys, and types that are not guessed.

A field's docstring is its line in docs/configuration.md. TOML and YAML have types, so a number in
quotes is refused where a number is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    StringConstraints,
)


class Table(BaseModel):
    """A file, or a table in one."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=False
    )


@dataclass(frozen=True)
class ChosenModel:
    """Beside a field's type: what stands beside the field chooses its model; with None it is free."""

    models: tuple[type[Table], ...]
    choose: Callable[[Mapping[str, Any]], type[Table] | None]


class WrongValue(ValueError):
    """What only the whole table can tell; `loc` is the way from the table to the key that is wrong."""

    def __init__(self, message: str, *loc: str | int) -> None:
        super().__init__(message)
        self.loc = loc


def _scalar(value: Any) -> Any:
    return str(value) if isinstance(value, bool | int | float) else value


def _regex(text: str) -> str:
    try:
        re.compile(text, re.DOTALL)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


Integer = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Boolean = Annotated[bool, Strict()]
Named = Annotated[str, StringConstraints(min_length=1)]
"""Text that is not empty."""
Scalar = Annotated[str, BeforeValidator(_scalar)]
"""Text, or a number or truth value as the text that Python makes of it."""
Regex = Annotated[str, AfterValidator(_regex)]
Strings = dict[str, Scalar]
"""Environment variables, by name."""
