"""Data against the JSON Schema (draft 7) of a workflow, with the legacy's words for what is wrong.

A schema is given as its stored text, so that its validator is built once per schema, not per request.
Source: ``shared/validators.py``; the same jsonschema library makes the texts.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import SchemaError, UndefinedTypeCheck, UnknownType
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY
from referencing.exceptions import Unresolvable

from cornflow_f.errors import InvalidData
from cornflow_f.offload import is_heavy, offload_if
from cornflow_f.validation.quick_schema import surely_fits

_KEPT_VALIDATORS = 256
_BROKEN_SCHEMA = (
    SchemaError,
    UndefinedTypeCheck,
    UnknownType,
    Unresolvable,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
    RecursionError,
    re.error,
)
"""What the library raises when the schema itself makes no sense."""


def _with_defaults(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
    for name, part in properties.items():
        if "default" in part:
            instance.setdefault(name, part["default"])
    yield from Draft7Validator.VALIDATORS["properties"](validator, properties, instance, schema)


_DefaultingValidator = extend(Draft7Validator, {"properties": _with_defaults})


@lru_cache(maxsize=_KEPT_VALIDATORS)
def _validator(schema_text: str) -> Any:
    return Draft7Validator(json.loads(schema_text), registry=REGISTRY)


def errors_of(schema_text: str, data: Any) -> list[str]:
    """Everything that is wrong with `data`, as the library prints it. Raises InvalidData on a bad schema."""
    if surely_fits(schema_text, data):
        return []
    try:
        return [str(error) for error in _validator(schema_text).iter_errors(data)]
    except _BROKEN_SCHEMA as error:
        raise _unusable(error) from error


def filled_in(schema_text: str, data: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A copy of `data` with the schema's defaults, and everything that is wrong with it.

    Not cached: the defaults are put into the data, so they must not be shared between requests.
    """
    filled = dict(data)
    try:
        validator = _DefaultingValidator(json.loads(schema_text), registry=REGISTRY)
        # parity: looked at twice, so that the defaults of the first look count in the second
        if validator.is_valid(filled):
            return filled, []
        # parity: all found before the first is printed, so each shows the data with every default
        errors = list(validator.iter_errors(filled))
        return filled, [str(error) for error in errors]
    except _BROKEN_SCHEMA as error:
        raise _unusable(error) from error


async def require_valid(schema_text: str, data: Any, *, log: str | None = None) -> None:
    """Raises InvalidData with the list of errors when `data` does not fit the schema."""
    errors = await offload_if(is_heavy(data), errors_of, schema_text, data)
    if errors:
        raise InvalidData(payload={"jsonschema_errors": errors}, log=log)


class UnusableSchema(InvalidData):
    """The JSON schema itself makes no sense: no data can be checked against it."""


def _unusable(error: Exception) -> UnusableSchema:
    return UnusableSchema(f"The JSON schema of the workflow can't be used: {error}")
