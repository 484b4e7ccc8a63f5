"""Hides what an operator has no need to see: tokens, passwords, keys. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "•••"

_SECRET_HEADERS = frozenset(
    ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key")
)
_SECRET_NAME = re.compile(r"pass(word|wd)?|pwd(?!_last)|token|secret|api_?key|authorization", re.I)
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}")
_QUERY = re.compile(r"(?P<name>[^&=?]*(?:pass|pwd|token|secret|key)[^&=]*)=(?P<value>[^&]*)", re.I)
_MAIL_PASSWORD = re.compile(r"<b>.*?</b>", re.S)
TEXT = 2_000
"""Characters of one text worth showing."""
_ITEMS = 50


def headers(found: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    told = {}
    for raw_name, raw_value in found:
        name = raw_name.decode("latin-1").lower()
        secret = name in _SECRET_HEADERS or _SECRET_NAME.search(name)
        told[name] = HIDDEN if secret else text(raw_value.decode("latin-1"))
    return told


def query(raw: bytes) -> str:
    return _QUERY.sub(rf"\g<name>={HIDDEN}", raw.decode("latin-1"))


def body(raw: bytes | None) -> Any:
    """JSON with its secrets hidden, the beginning of any other text, or how many bytes there are."""
    if not raw:
        return None
    try:
        return value(json.loads(raw))
    except (ValueError, RecursionError):
        pass
    try:
        shown = raw[: 4 * TEXT].decode()
    except UnicodeDecodeError:
        return f"({len(raw)} bytes)"
    return text(_QUERY.sub(rf"\g<name>={HIDDEN}", shown))


def value(document: Any, name: str = "", depth: int = 0) -> Any:
    """A JSON value, or anything that prints, for an example."""
    if _SECRET_NAME.search(name) and isinstance(document, str | int | float) and document != "":
        return HIDDEN
    if isinstance(document, Mapping):
        if depth > 8:
            return "{…}"
        pairs = list(document.items())
        told = {str(key): value(one, str(key), depth + 1) for key, one in pairs[:_ITEMS]}
        return told if len(pairs) <= _ITEMS else {**told, "…": f"{len(pairs) - _ITEMS} more"}
    if isinstance(document, list | tuple):
        if depth > 8:
            return ["…"]
        told_list = [value(one, name, depth + 1) for one in document[:_ITEMS]]
        more = len(document) - _ITEMS
        return told_list if more <= 0 else [*told_list, f"… {more} more"]
    if document is None or isinstance(document, bool | int | float):
        return document
    return text(str(document))


def short(document: Any, most: int = 8_000) -> Any:
    """A JSON value, or the beginning of its text when that is longer: an example is for reading."""
    written = json.dumps(document, ensure_ascii=False)
    if len(written) <= most:
        return document
    return f"{written[:most]}… ({len(written)} characters)"


def text(found: str) -> str:
    hidden = _MAIL_PASSWORD.sub(f"<b>{HIDDEN}</b>", _TOKEN.sub(HIDDEN, found))
    return hidden if len(hidden) <= TEXT else f"{hidden[:TEXT]}… ({len(hidden)} characters)"
