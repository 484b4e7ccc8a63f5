"""Text that is nearly right: each breaks one rule that such text commonly has to follow. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from parity_core.model import Json

BY_NAME: Mapping[str, str] = {
    "mail": "someone{n}@example.org",
    "password": "Secret-pw{n}!",
    "pwd": "Secret-pw{n}!",
    "url": "https://a.example/path",
    "uri": "https://a.example/path",
    "host": "a.example",
    "phone": "+34 600 000 000",
}
"""What a field holds that is called so, or has such a format, when no example tells."""

THROW_AWAY = ("mailinator.com", "yopmail.com", "guerrillamail.com")
_NUMBER = re.compile(r"(\{n\})")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?")


def usual(name: str, schema: Mapping[str, Json]) -> str | None:
    """A right value by the field's format or name; None when neither says what it holds."""
    hints = f"{schema.get('format', '')} {name}".lower()
    return next((text for word, text in BY_NAME.items() if word in hints), None)


def boundary_values(text: str) -> list[str]:
    """`text` with one thing wrong each time; `{n}` stays what it is. None for what refers to things."""
    if "${" in text or not text:
        return []
    values = [
        _kept(text, str.upper),
        _kept(text, str.lower),
        re.sub(r"\{n\}|\d", "", text),
        _kept(text, lambda part: re.sub(r"[^\w\s]", "", part)),
        _kept(text, lambda part: re.sub(r"[^\W\d_]", "", part)),
        text[:4].partition("{")[0],
        f"{text} ",
        f" {text}",
        text * 12,
    ]
    if "@" in text:
        values += _addresses(text)
    if "://" in text:
        values += _links(text)
    if _MOMENT.fullmatch(text):
        values += [text[:10], text.replace("T", " "), f"{text}Z", f"{text}+02:00", text[:7]]
    return [one for one in dict.fromkeys(values) if one != text]


def _addresses(text: str) -> list[str]:
    local, _, domain = text.partition("@")
    return [
        *(f"{local}@{one}" for one in THROW_AWAY),
        f"{local}@{domain.upper()}",
        f"{local}+tag@{domain}",
        f"{local}@{domain.partition('.')[0]}",
        f"{local}@@{domain}",
        f"@{domain}",
        f"{local}.@{domain}",
    ]


def _links(text: str) -> list[str]:
    rest = text.partition("://")[2]
    return [rest, f"ftp://{rest}", f"javascript:{rest}", f"{text.partition('://')[0]}://"]


def _kept(text: str, change: Callable[[str], str]) -> str:
    """Changed but for `{n}`."""
    return "".join(part if part == "{n}" else change(part) for part in _NUMBER.split(text))
