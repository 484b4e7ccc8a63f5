"""Hides what an operator has no need to see: tokens, passwords, keys. Pure.

What is secret is said by `parity_core.capture.secrets`, for the page as for captures and reports.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from parity_core.capture import scan
from parity_core.capture.secrets import is_secret, may_be_secret

HIDDEN = "•••"
TEXT = 2_000
"""Characters of one text worth showing."""
_ITEMS = 50
_DEPTH = 8


def headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    shown = {}
    for raw_name, raw_value in pairs:
        name = raw_name.decode("latin-1").lower()
        shown[name] = HIDDEN if is_secret(name) else text(raw_value.decode("latin-1"))
    return shown


def query(raw: bytes) -> str:
    # a query begins with a name, as a form does
    return _hidden(raw.decode("latin-1"))


def body(raw: bytes | None) -> Any:
    """JSON with its secrets hidden, the beginning of any other text, or how many bytes there are."""
    if not raw:
        return None
    try:
        return value(json.loads(raw))
    except (ValueError, RecursionError):
        pass
    try:
        return text(raw.decode())
    except UnicodeDecodeError:
        return f"({len(raw)} bytes)"


def value(document: Any, name: str = "", depth: int = 0) -> Any:
    """A JSON value, or anything that prints, for an example. All below a secret name is hidden."""
    if name and is_secret(name) and may_be_secret(document):
        return HIDDEN
    if isinstance(document, Mapping):
        if depth > _DEPTH:
            return "{…}"
        pairs = list(document.items())
        shown = {str(key): value(one, str(key), depth + 1) for key, one in pairs[:_ITEMS]}
        return shown if len(pairs) <= _ITEMS else {**shown, "…": f"{len(pairs) - _ITEMS} more"}
    if isinstance(document, list | tuple):
        if depth > _DEPTH:
            return ["…"]
        items = [value(one, "", depth + 1) for one in document[:_ITEMS]]
        more = len(document) - _ITEMS
        return items if more <= 0 else [*items, f"… {more} more"]
    if document is None or isinstance(document, bool | int | float):
        return document
    return text(str(document))


def at(place: str, document: Any) -> Any:
    """The value at a place of a reply or row, such as `/json/user/password`: secret if any part is."""
    secret = any(is_secret(part) for part in place.split("/"))
    return HIDDEN if secret and may_be_secret(document) else value(document)


def short(document: Any, most: int = 8_000) -> Any:
    """A JSON value, or the beginning of its text when that is longer: an example is for reading."""
    written = json.dumps(document, ensure_ascii=False)
    if len(written) <= most:
        return document
    return f"{written[:most]}… ({len(written)} characters)"


def text(whole: str) -> str:
    # all of it is looked at before it is cut: half a token is no token any more
    hidden = _without_mail_passwords(_hidden(whole))
    return hidden if len(hidden) <= TEXT else f"{hidden[:TEXT]}… ({len(hidden)} characters)"


def _hidden(content: str) -> str:
    return scan.hidden(content, HIDDEN)


def _without_mail_passwords(content: str) -> str:
    """A mail shows a new password in bold."""
    pieces, copied = [], 0
    while (start := content.find("<b>", copied)) >= 0:
        end = content.find("</b>", start)
        if end < 0:
            break
        pieces += [content[copied:start], f"<b>{HIDDEN}</b>"]
        copied = end + len("</b>")
    return "".join([*pieces, content[copied:]])
