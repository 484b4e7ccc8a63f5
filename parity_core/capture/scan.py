"""Finds tokens and named fields inside of any text, in time that grows with its length only. Pure.

Regular expressions look at bounded pieces, or at what no other match looks at again: a client decides
what these functions read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_plus

from parity_core import password_hash
from parity_core.capture.secrets import Rule, is_secret

_RUN = re.compile(r"[A-Za-z0-9_-]+")
_HEAD, _BODY = 8, 2
"""Characters of the first two parts of a JSON web token, at least."""

_FORM_NAME = re.compile(r"(?:^|[&?;,\s({\[])(?P<name>[\w.\-%\[\]]{2,60})=")
_FORM_VALUE = re.compile(r"[^&;\s\"<>]+")
_NAMES = {
    quote: re.compile(rf"{quote}(?P<name>[\w.\- ]{{2,60}}){quote}\s*:\s*") for quote in ('"', "'")
}
"""Of JSON, and of Python's dictionaries as logs print them."""
_TEXTS = {quote: re.compile(rf"{quote}((?:[^{quote}\\]|\\.)+)", re.DOTALL) for quote in ('"', "'")}
_NUMBER = re.compile(r"-?\d[\d.eE+-]*")
_PART_NAME = re.compile(r'name="?(?P<name>[\w.\-]{2,60})"?')

Replace = Callable[[str, str], str]
"""(name, value) -> what to write instead."""


def replace_tokens(text: str, replace: Callable[[str], str]) -> str:
    """JSON web tokens anywhere in a text: three runs of their characters, the first from `eyJ` on."""
    at = text.find("eyJ")
    if at < 0:
        return text
    pieces, copied = [], 0
    while at >= 0:
        head = _run(text, at)
        # what starts later in this run is shorter and ends at the same place: no token either
        resume = head
        if head - at >= _HEAD and text.startswith(".", head):
            body = _run(text, head + 1)
            if body - head - 1 >= _BODY and text.startswith(".", body):
                resume = _run(text, body + 1)
                pieces += [text[copied:at], replace(text[at:resume])]
                copied = resume
        at = text.find("eyJ", resume)
    return "".join([*pieces, text[copied:]])


def hidden(text: str, instead: str) -> str:
    """A text with `instead` for its tokens, hashes and secret fields."""
    text = replace_tokens(text, lambda _: instead)
    text = password_hash.replace(text, instead)
    return replace_fields(text, is_secret, lambda _name, _value: instead)


def _run(text: str, start: int) -> int:
    match = _RUN.match(text, start)
    return start if match is None else match.end()


def replace_fields(text: str, is_secret: Rule, replace: Replace) -> str:
    """Secret fields as JSON, forms, queries and multipart bodies write them; JSON need not be whole."""
    for quote, names in _NAMES.items():
        if quote in text and ":" in text:
            text = _replace_json(text, quote, names, is_secret, replace)
    if "=" in text:
        text = _replace_form(text, is_secret, replace)
        if "name=" in text:
            text = _replace_parts(text, is_secret, replace)
    return text


def _replace_json(
    text: str, quote: str, names: re.Pattern[str], is_secret: Rule, replace: Replace
) -> str:
    pieces, copied = [], 0
    # the values of other fields are looked into, too: a secret may hide behind a missing quote
    match = names.search(text)
    while match is not None:
        end = match.end()
        if is_secret(match["name"]):
            if (value := _TEXTS[quote].match(text, end)) is not None:
                pieces += [text[copied:end], quote, replace(match["name"], value[1])]
                copied = end = value.end()
            elif (value := _NUMBER.match(text, end)) is not None and value[0] not in ("0", "1"):
                pieces += [text[copied:end], quote, replace(match["name"], value[0]), quote]
                copied = end = value.end()
        match = names.search(text, end)
    return "".join([*pieces, text[copied:]])


def _replace_form(text: str, is_secret: Rule, replace: Replace) -> str:
    pieces, copied = [], 0
    match = _FORM_NAME.search(text)
    while match is not None:
        end = match.end()
        name = unquote_plus(match["name"])
        if is_secret(name) and (value := _FORM_VALUE.match(text, end)) is not None:
            pieces += [text[copied:end], replace(name, value[0])]
            copied = end = value.end()
        match = _FORM_NAME.search(text, end)
    return "".join([*pieces, text[copied:]])


class _Finder:
    """`find` from places that only move on: what was found once is not looked for again."""

    def __init__(self, text: str, wanted: str) -> None:
        self._text, self._wanted = text, wanted
        self._next: int = 0
        self._looked = False

    def __call__(self, start: int) -> int:
        """The length of the text when there is none."""
        if not self._looked or self._next < start:
            position = self._text.find(self._wanted, start)
            self._next = len(self._text) if position < 0 else position
            self._looked = True
        return self._next


def _replace_parts(text: str, is_secret: Rule, replace: Replace) -> str:
    """The parts of a multipart body: from the blank line after their header to the next boundary."""
    pieces, copied, end = [], 0, len(text)
    line_end, boundary = _Finder(text, "\n"), _Finder(text, "\n--")
    blank, blank_crlf = _Finder(text, "\n\n"), _Finder(text, "\n\r\n")
    at = text.find("name=")
    while at >= 0:
        resume = at + len("name=")
        match = _PART_NAME.match(text, at)
        if match is not None and _follows_semicolon(text, at) and is_secret(match["name"]):
            rest = match.end()
            if text.startswith((";", "\r\n", "\n"), rest):
                newline = line_end(rest)
                short, long = blank(newline), blank_crlf(newline)
                start = min(short + 2, long + 3)
                if min(short, long) < end:
                    stop = boundary(start)
                    stop = stop - 1 if start < stop < end and text[stop - 1] == "\r" else stop
                    if stop > start:
                        pieces += [text[copied:start], replace(match["name"], text[start:stop])]
                        copied = resume = stop
        at = text.find("name=", resume)
    return "".join([*pieces, text[copied:]])


def _follows_semicolon(text: str, at: int) -> bool:
    # these blanks lie between one `name=` and the next: they are looked at once
    at -= 1
    while at >= 0 and text[at].isspace():
        at -= 1
    return at >= 0 and text[at] == ";"
