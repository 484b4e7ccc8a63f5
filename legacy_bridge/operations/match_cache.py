"""What of a path its match depends on, so that werkzeug is asked once for each kind of path. Pure.

Its router looks at a segment in two ways: is it a fixed part of a rule, and does a converter take it? The
usual converters only ask whether there are digits. So `/thing/7/` and `/thing/8/` have one shape, and what
was found for the one holds for the other. Where a rule asks more, paths have no shape.
"""

import re
from collections.abc import Container, Iterable
from typing import TypeAlias

Shape: TypeAlias = tuple[object, ...]

_TEXT, _DIGITS, _UNTOLD = object(), object(), object()
_LONG = 1000
"""Characters of a segment that is not judged here: Python refuses to read such numbers."""
_FIXED = re.compile(r"[^<>]*")
_VARIABLE = re.compile(r"<(?:(?P<converter>string|default|int):)?[A-Za-z_]\w*>")


class Shapes(dict[str, object]):
    """The kinds of segments: fixed parts are their own kind, others are digits or text.

    `converters` are the names that do not mean what they mean to werkzeug.
    """

    def __init__(self, rules: Iterable[str], converters: Container[str] = ()) -> None:
        untold: set[str] = set()
        super().__init__({"": ""})
        for rule in rules:
            segments = rule.split("/")
            self.update((one, one) for one in segments if _FIXED.fullmatch(one))
            if not all(_is_usual(one, converters) for one in segments):
                untold.add(segments[1])
        self._is_any_untold = any(not _FIXED.fullmatch(first) for first in untold)
        self.update(dict.fromkeys(untold, _UNTOLD))

    def __missing__(self, segment: str) -> object:
        if self._is_any_untold or len(segment) > _LONG:
            return _UNTOLD
        return _DIGITS if segment.isdecimal() else _TEXT

    def of(self, method: str, path: str) -> Shape:
        return (method, *map(self.__getitem__, path.split("/")))


def is_told(shape: Shape) -> bool:
    """Whether all paths of the shape that match at all match alike."""
    # Runs of slashes are redirected or shortened, however long they are.
    return _UNTOLD not in shape and "" not in shape[2:-1]


def _is_usual(segment: str, converters: Container[str]) -> bool:
    if _FIXED.fullmatch(segment):
        return True
    variable = _VARIABLE.fullmatch(segment)
    return variable is not None and (variable["converter"] or "default") not in converters
