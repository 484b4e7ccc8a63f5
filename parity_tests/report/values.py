"""Values as one line of text. Pure."""

from __future__ import annotations

import json
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


def told(value: Any, limit: int = 300) -> str:
    """A value as the JSON report writes it: `{"missing": true}` is the one that is not there."""
    if isinstance(value, dict) and len(value) == 1:
        if value == {"missing": True}:
            return "(missing)"
        if "cut" in value:
            return printable(str(value["cut"])[:limit] + " …")
        if "base64" in value:
            return f"(bytes) {str(value['base64'])[:limit]}"
    return show(value, limit)


def printable(text: str) -> str:
    """Text that any terminal takes: half a surrogate pair is no character."""
    return text.encode("utf-8", "backslashreplace").decode()


def _looks_like_json(text: str) -> bool:
    """Text that would be taken for a number or null is shown in quotes."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
