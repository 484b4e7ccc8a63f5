"""Values as one line of text. Pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from parity_core.model import MISSING


def show(value: Any, limit: int = 300) -> str:
    """A value of a difference; text that could be taken for something else is in quotes."""
    if value is MISSING:
        return "(missing)"
    if isinstance(value, bytes):
        return repr(value[:limit])
    text = value if isinstance(value, str) and value.isprintable() else None
    if text is None or text == "" or text.strip() != text or _looks_like_json(text):
        text = json.dumps(value, ensure_ascii=False, default=str)
    return printable(text if len(text) <= limit else text[:limit] + " …")


def described(value: Any, limit: int = 300) -> str:
    """A value as the JSON report writes it: `{"missing": true}` is the one that is not there."""
    if isinstance(value, dict) and len(value) == 1:
        if value == {"missing": True}:
            return "(missing)"
        if "cut" in value:
            return printable(str(value["cut"])[:limit] + " …")
        if "base64" in value:
            return f"(bytes) {str(value['base64'])[:limit]}"
    return show(value, limit)


_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # what terminals obey, but for tab and line feed
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # turns text around, or ends lines
    "\ud800-\udfff\ufffe\uffff]"  # halves of a pair, and what is no character
)


def printable(text: str) -> str:
    """Text that any terminal, page and parser may be given: what they would obey is its escape, `\\x1b`."""
    return _UNSAFE.sub(lambda match: _escape(match[0]), text)


def line(text: str, limit: int = 300) -> str:
    """Text as one line that is safe to show, cut where it is long."""
    text = printable(text[: limit + 1]).replace("\n", " ")
    return text if len(text) <= limit else f"{text[:limit]} …"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def replaced(text: str) -> str:
    """The same with one sign for each such character: for text whose parts are addressed by position."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def json_safe(text: str) -> str:
    """JSON in which such characters are escaped, which changes nothing of what it says."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def numbers(value: Any) -> Any:
    """A JSON value in which NaN and the infinities, which JSON has not, are texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: numbers(one) for key, one in value.items()}
    return [numbers(one) for one in value] if isinstance(value, list) else value


def visible(value: Any) -> Any:
    """A JSON value whose texts, keys included, are `printable`."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(key)): visible(one) for key, one in value.items()}
    return [visible(one) for one in value] if isinstance(value, list | tuple) else value


def _looks_like_json(text: str) -> bool:
    """Text that would be taken for a number or null is shown in quotes."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
