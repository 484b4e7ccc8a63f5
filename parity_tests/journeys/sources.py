"""Where in a reply a value is: JSON pointer, header, cookie, form field, or text by a pattern. Pure."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from parity_core.compare.places import point
from parity_core.model import Reply
from parity_tests.parity_toml import SOURCE, SOURCES

CAPTURED = re.compile(rf"{SOURCE.pattern}|mail:.")
"""What a step captures: a value of its reply, or of a mail that came of it."""
CAPTURES = f"{SOURCES}, or `mail:/regex/`"


def value_at(reply: Reply, source: str) -> Any:
    """The value in a reply; LookupError if there is none. `mail:` is no part of a reply."""
    kind, colon, name = source.partition(":")
    if not colon or source.startswith("/"):
        try:
            return point(json.loads(reply.body), source)
        except ValueError:
            raise LookupError(source) from None
    if kind == "header":
        value = reply.header(name.strip().lower())
    elif kind == "cookie":
        value = cookies_set(reply).get(name.strip())
    elif kind == "field":
        value = _form_value(reply.body.decode(errors="replace"), name.strip())
    else:
        value = first_match(name, reply.body.decode(errors="replace"))
    if value is None:
        raise LookupError(source)
    return value


def first_match(pattern: str, text: str) -> str | None:
    """`/regex/` in a text: its first group, or all of the match where it has none."""
    compiled = re.compile(pattern.removeprefix("/").removesuffix("/"), re.DOTALL)
    match = compiled.search(text)
    if match is None:
        return None
    return match[1] if compiled.groups else match[0]


def cookies_set(reply: Reply) -> dict[str, str | None]:
    """The cookies that a reply sets; None is one that it takes away."""
    cookies: dict[str, str | None] = {}
    for name, value in reply.headers:
        if name.lower() == "set-cookie":
            pair, *attributes = value.split(";")
            key, _, text = pair.partition("=")
            gone = any(one.strip().lower().replace(" ", "") == "max-age=0" for one in attributes)
            cookies[key.strip()] = None if gone or not text.strip() else text.strip()
    return cookies


class _Fields(HTMLParser):
    """The first `<input name=… value=…>` or `<meta name=… content=…>` of a name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.value: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        if self.value is None and held.get("name") == self.name:
            self.value = held.get("content" if tag == "meta" else "value")


def _form_value(page: str, name: str) -> str | None:
    fields = _Fields(name)
    fields.feed(page)
    return fields.value
