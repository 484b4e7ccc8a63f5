"""Says quickly that data fits a JSON Schema. It may not know; then the library with the legacy's words looks.

Millions of values pass through a compiled validator in the time the pure-Python one needs for a few
thousand. Where the two could disagree (other regular expressions, floating remainders, documents from
elsewhere), this one does not try.
"""

import json
import re
from functools import lru_cache
from typing import Any

import jsonschema_rs
from jsonpointer import JsonPointer, JsonPointerException

_UNSURE = re.compile(r'"(?:multipleOf|pattern|patternProperties|\$id)"\s*:|"\$ref"\s*:\s*"(?!#)')
_REFERENCE = re.compile(r'"\$ref"\s*:\s*"#([^"]*)"')
_KEPT_VALIDATORS = 256


@lru_cache(maxsize=_KEPT_VALIDATORS)
def _validator(schema_text: str) -> jsonschema_rs.Draft7Validator | None:
    if _UNSURE.search(schema_text) or _has_dangling_reference(schema_text):
        return None
    try:
        return jsonschema_rs.Draft7Validator(schema_text, validate_formats=False)
    except (ValueError, TypeError):
        # A schema this library refuses, and perhaps not the other one.
        return None


def _has_dangling_reference(schema_text: str) -> bool:
    """The other library fails on one when it gets there; this one passes it by."""
    document = json.loads(schema_text)
    try:
        for pointer in set(_REFERENCE.findall(schema_text)):
            JsonPointer(pointer).resolve(document)
    except JsonPointerException:
        return True
    return False


def surely_fits(schema_text: str, data: Any) -> bool:
    """True only if `data` is valid for certain; False says nothing."""
    validator = _validator(schema_text)
    if validator is None:
        return False
    try:
        return validator.is_valid(data)
    except (ValueError, TypeError, RecursionError):
        return False
