"""What a request's conditions and its `Range` make of a file, as the legacy's server decides it. Pure.

Source: werkzeug's ``Response.make_conditional`` with ``is_resource_modified`` and ``parse_range_header``.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import NamedTuple

_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_TAG = re.compile(r'[ \t]*([Ww]/)?(?:"([^"]*)"|([^" \t,]+))[ \t]*(?:,|\Z)')


class ConditionalFate(Enum):
    WHOLE = 200
    PART = 206
    UNCHANGED = 304
    PRECONDITION_FAILED = 412
    NOT_SATISFIABLE = 416


class ConditionalDecision(NamedTuple):
    fate: ConditionalFate
    start: int = 0
    stop: int = 0
    """The bytes of a part: from `start` up to, not including, `stop`."""


def decide(
    asked: Mapping[str, str], tag: str, modified: datetime, size: int
) -> ConditionalDecision:
    """`asked` are the request's headers, `tag` the file's without quotes, `modified` in whole seconds."""
    wanted = asked.get("range")
    # parity: an empty file has no parts, and conditions other than If-Range count only without a part
    if wanted is not None and size and _same_as_before(asked, tag, modified):
        part = _part(wanted, size)
        return (
            ConditionalDecision(ConditionalFate.NOT_SATISFIABLE)
            if part is None
            else ConditionalDecision(ConditionalFate.PART, *part)
        )
    if not _unmodified(asked, tag, modified):
        return ConditionalDecision(ConditionalFate.WHOLE)
    # parity: a tag that does *not* match, or any tag asked for as "*", is a condition that failed
    failed = bool(_Tags(asked.get("if-match")))
    return ConditionalDecision(
        ConditionalFate.PRECONDITION_FAILED if failed else ConditionalFate.UNCHANGED
    )


def _same_as_before(asked: Mapping[str, str], tag: str, modified: datetime) -> bool:
    """Whether `Range` counts: without `If-Range`, or if the file is what that names."""
    named = asked.get("if-range")
    if named is None:
        return True
    since = _moment(named)
    if not named or since is not None:
        return _unmodified(asked, tag, modified, since)
    return _unquoted(named) == tag


def _unmodified(
    asked: Mapping[str, str], tag: str, modified: datetime, since: datetime | None = None
) -> bool:
    since = since or _moment(asked.get("if-modified-since"))
    unmodified = since is not None and modified <= since
    if none_match := _Tags(asked.get("if-none-match")):
        unmodified = none_match.any or tag in none_match.strong | none_match.weak
    if match := _Tags(asked.get("if-match")):
        unmodified = tag not in match.strong
    return unmodified


class _Tags:
    """A list of entity tags; false when there is none."""

    def __init__(self, text: str | None) -> None:
        self.any = text == "*"
        self.strong: set[str] = set()
        self.weak: set[str] = set()
        if text and not self.any:
            for is_weak, tag in _tags(text):
                (self.weak if is_weak else self.strong).add(tag)

    def __bool__(self) -> bool:
        return self.any or bool(self.strong or self.weak)


def _tags(text: str) -> Iterator[tuple[bool, str]]:
    position = 0
    while True:
        match = _TAG.match(text, position)
        if match is not None:
            position = match.end()
            yield match[1] is not None, match[2] or match[3]
            continue
        # What is no tag is passed over, up to the next comma.
        comma = text.find(",", position)
        if comma < 0:
            return
        position = comma + 1


def _unquoted(text: str) -> str:
    text = text[2:] if text.startswith(("W/", "w/")) else text
    return text[1:-1] if text.startswith('"') and text.endswith('"') else text


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _part(text: str, size: int) -> tuple[int, int] | None:
    """The one part that is asked for; None for several, for none, and for what can't be read."""
    # parity: what is no single part of bytes is refused, where others ignore it
    unit, separator, parts = text.partition("=")
    if not separator or unit.strip(" \t").lower() != "bytes":
        return None
    first, dash, last = parts.strip(" \t").partition("-")
    if not dash or "," in parts:
        return None
    try:
        if not first:
            suffix = _integer(last)
            start, stop = size - suffix, size
            return (start, stop) if suffix > 0 and start >= 0 else None
        start, stop = _integer(first), _integer(last) + 1 if last.strip(" \t") else size
    except ValueError:
        return None
    return (start, min(stop, size)) if 0 <= start < stop and start < size else None


def _integer(text: str) -> int:
    """Digits alone: no sign but a minus, no digits of other scripts. Raises ValueError."""
    text = text.strip(" \t")
    if _INTEGER.fullmatch(text) is None:
        raise ValueError
    return int(text)
