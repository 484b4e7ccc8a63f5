"""A right value for any field: told of, by its name, or by its type. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from parity_core.model import Json
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw.near import usual
from parity_tests.fuzz.draw.values import kind
from parity_tests.fuzz.draw.variants import referred

EMPTY: Mapping[str, Json] = {
    "string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {},
}  # fmt: skip


def fields(operation: FuzzOperation) -> list[str]:
    """All that is known of the body: what examples have first."""
    given = operation.examples or operation.forms
    known = operation.shape.form if operation.forms else operation.shape.body
    return list(dict.fromkeys([*(key for one in given for key in one), *known]))


def value(operation: FuzzOperation, name: str, catalogue: Catalogue, number: int = 0) -> Json:
    """The `number`-th of those that are told of, or one of the field's type."""
    given = operation.examples or operation.forms
    told = [*(one[name] for one in given if name in one), *catalogue.fields.get(name, ())]
    told = [one for one in told if one not in (None, "", [], {}, 0, False)] or told
    if told:
        return told[number % len(told)]
    known = operation.shape.form if operation.forms else operation.shape.body
    return _by_type(name, known.get(name, {}), number)


def _by_type(name: str, schema: Mapping[str, Json], number: int) -> Json:
    options: Mapping[str | None, Json] = {
        "string": usual(name, schema) or f"{name} {number} {{n}}",
        "integer": 3 + number,
        "number": 1.5 + number,
        "boolean": number % 2 == 0,
        "array": [],
    }
    if schema.get("format") == "date-time":
        return f"2020-01-0{1 + number % 9}T00:00:00"
    return options.get(kind(schema), {"a": number + 1})


def whole(operation: FuzzOperation, catalogue: Catalogue, recipe: int = 0) -> dict[str, Json]:
    """A body with every field: one that succeeds, and the rest filled, but for what refers to other things."""
    given = operation.examples[min(recipe, len(operation.examples) - 1)]
    return {
        **{
            name: value(operation, name, catalogue)
            for name in fields(operation)
            if name not in given and not referred(catalogue, name)
        },
        **given,
    }


def is_free(schema: Mapping[str, Json], told: Json) -> bool:
    """Whether the field holds any document."""
    return (
        kind(schema) in (None, "object") and not schema.get("properties") and isinstance(told, dict)
    )
