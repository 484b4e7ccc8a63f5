"""Globs over places and operations. Pure.

In a place `*` is one segment and `**` any number of them, so `body/**` covers `body` too.
In an operation `*` is any text.
"""

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def _place_pattern(glob: str) -> re.Pattern[str]:
    pattern = ""
    for number, segment in enumerate(glob.split("/")):
        if segment == "**":
            pattern += "(?:(?:^|/)[^/]*)*" if number == 0 else "(?:/[^/]*)*"
            continue
        pattern += ("/" if number else "") + "[^/]*".join(re.escape(s) for s in segment.split("*"))
    return re.compile(pattern)


@lru_cache(maxsize=4096)
def _operation_pattern(glob: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in glob.split("*")))


def place_matches(glob: str, place: str) -> bool:
    return _place_pattern(glob).fullmatch(place) is not None


def operation_matches(glob: str, operation: str) -> bool:
    return _operation_pattern(glob).fullmatch(operation) is not None


def escape(segment: object) -> str:
    """A key as one segment, escaped as JSON pointers are."""
    return str(segment).replace("~", "~0").replace("/", "~1")


def point(value: object, pointer: str) -> object:
    """The value at a JSON pointer; raises LookupError when there is none."""
    for raw in pointer.split("/")[1:] if pointer else []:
        segment = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value[segment]
        elif isinstance(value, list):
            if not re.fullmatch(r"-?\d+", segment):
                raise LookupError(segment)
            value = value[int(segment)]
        else:
            raise LookupError(segment)
    return value
