"""A right value for any field: told of, by its name, or by its type. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from parity_core.model import Json
from parity_tests.fuzz.catalogue import Catalogue, FuzzOperation
from parity_tests.fuzz.draw.boundary_values import usual
from parity_tests.fuzz.draw.values import kind
from parity_tests.fuzz.draw.variants import referred

EMPTY: Mapping[str, Json] = {
    "string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {},
}  # fmt: skip


def fields(operation: FuzzOperation) -> list[str]:
    """All that is known of the body: what examples have first."""
    bodies = operation.examples or operation.forms
    known = operation.shape.form if operation.forms else operation.shape.body
    return list(dict.fromkeys([*(key for one in bodies for key in one), *known]))


def value(operation: FuzzOperation, name: str, catalogue: Catalogue, number: int = 0) -> Json:
    """The `number`-th of those that are told of, or one of the field's type."""
    bodies = operation.examples or operation.forms
    values = [*(one[name] for one in bodies if name in one), *catalogue.fields.get(name, ())]
    values = [one for one in values if one not in (None, "", [], {}, 0, False)] or values
    if values:
        return values[number % len(values)]
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
    example = operation.examples[min(recipe, len(operation.examples) - 1)]
    return {
        **{
            name: value(operation, name, catalogue)
            for name in fields(operation)
            if name not in example and not referred(catalogue, name)
        },
        **example,
    }


def is_free(schema: Mapping[str, Json], example: Json) -> bool:
    """Whether the field holds any document."""
    return (
        kind(schema) in (None, "object")
        and not schema.get("properties")
        and isinstance(example, dict)
    )
