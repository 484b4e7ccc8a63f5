"""Database values as JSON has them, whichever driver read them."""

from __future__ import annotations

import json
from typing import Any


def plain(value: Any) -> Any:
    """Numbers, text, booleans and None as they are; anything else as its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def decoded(value: Any) -> Any:
    """A JSON column by value; SQL's NULL and JSON's null stay apart."""
    if not isinstance(value, str):
        return plain(value)
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return "JSON null" if decoded is None else decoded
