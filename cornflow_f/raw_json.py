"""JSON that travels as text: stored without being encoded twice, served without being decoded.

A reply with a stored column of tens of MB costs a copy, not a parse: select the column with
`as_text`, and give the text to `raw_json_reply`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Label, Text, cast
from sqlalchemy.orm import InstrumentedAttribute
from starlette.responses import Response

NULL = "null"


@dataclass(frozen=True, slots=True)
class JsonText:
    """A JSON document as its text. In a JSON column it is stored as it is."""

    text: str


def to_text(value: Any) -> str:
    """The text a JSON column stores: what the legacy's driver writes, byte for byte."""
    return value.text if isinstance(value, JsonText) else json.dumps(value)


def as_text(column: InstrumentedAttribute[Any]) -> Label[str]:
    """The stored text of a JSON column, in a select; None for SQL NULL."""
    # a cast: asyncpg decodes what it is told is JSON, and SQLite keeps bare numbers as numbers
    return cast(column, Text).label(column.key)


def is_null(text: str | None) -> bool:
    """Whether a column read `as_text` is null, by SQL or by JSON."""
    return text is None or text == NULL


def stored(text: str | None) -> JsonText:
    """A column read `as_text`, to be shown by `raw_json_reply` or stored in another row."""
    return JsonText(NULL if text is None else text)


def raw_json_reply(values: Mapping[str, Any], status: int = 200) -> Response:
    """An object as a reply; values that are `JsonText` are spliced in."""
    return Response("".join(_object(values)).encode(), status, media_type="application/json")


def raw_json_list_reply(objects: Iterable[Mapping[str, Any]]) -> Response:
    """A list of such objects as a reply."""
    parts = ["["]
    for values in objects:
        parts += "," if len(parts) > 1 else "", *_object(values)
    parts.append("]")
    return Response("".join(parts).encode(), media_type="application/json")


def _object(values: Mapping[str, Any]) -> list[str]:
    """In pieces: a large text is copied once, when all of them are joined."""
    parts = ["{"]
    for name, value in values.items():
        parts += "," if len(parts) > 1 else "", json.dumps(name), ":", _shown(value)
    parts.append("}")
    return parts


def _shown(value: Any) -> str:
    if isinstance(value, JsonText):
        return value.text
    return json.dumps(value.isoformat() if isinstance(value, datetime) else value)
