"""Which route a request is for, in the order the legacy's router would decide.

The permission tables key on rules as Flask writes them, and Flask tries a fixed part before a
variable one, whatever the order of registration. Both facts live here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.routing import compile_path

_PARAMETER = re.compile(r"{(?P<name>[^:}]+)(?::(?P<converter>[^}]+))?}")
_RUN_OF_SLASHES = re.compile("/{2,}")
_FLASK_CONVERTER = {None: "string", "str": "string"}
_WEIGHT = {"int": 1, "str": 2, None: 2, "path": 3}


MATCHED_RULE = "matched_rule"
"""In a scope: the rule, as Flask writes it, that the path was found to have by whoever hands us the request.
Looking for it once more is then left out."""


class _AnyDecimal(IntegerConvertor):
    # parity: werkzeug's `int` takes the digits of every script, as many as Python makes a number of
    regex = r"\d{1,4300}"


register_url_convertor("int", _AnyDecimal())


def legacy_rule(path: str) -> str:
    """`/user/{user_id:int}/` as Flask writes it: `/user/<int:user_id>/`."""

    def flask_parameter(match: re.Match[str]) -> str:
        converter = match["converter"]
        return f"<{_FLASK_CONVERTER.get(converter, converter)}:{match['name']}>"

    return _PARAMETER.sub(flask_parameter, path)


def specificity(path: str) -> tuple[int, ...]:
    """Sort key: a fixed segment before a number before any text, from the left."""
    weights = []
    for segment in path.strip("/").split("/"):
        match = _PARAMETER.fullmatch(segment)
        weights.append(0 if match is None else _WEIGHT.get(match["converter"], 2))
    return tuple(weights)


def with_one_slash(path: str) -> str:
    """The path as werkzeug looks for it: of several slashes at its beginning it sees one."""
    return f"/{path.lstrip('/')}" if path.startswith("//") else path


_Shape = tuple[str, int]
_ANY_SHAPE: _Shape = ("", -1)


def shape_of(path: str) -> _Shape:
    """First segment and number of slashes: few rules share them, so few have to be tried."""
    return path[1:].partition("/")[0], path.count("/")


def _shape_of_rule(path: str) -> _Shape:
    first, slashes = shape_of(path)
    return _ANY_SHAPE if "{" in first or ":path}" in path else (first, slashes)


class RouteDecision(Enum):
    MATCHED = "matched"
    REDIRECT = "redirect"
    WRONG_METHOD = "wrong method"
    NOT_FOUND = "not found"


class Resolution(NamedTuple):
    decision: RouteDecision
    allowed: frozenset[str] = frozenset()
    """Every method the path takes, when the request's is not one of them or is OPTIONS."""
    target: str = ""
    """Where to redirect to."""


@dataclass(frozen=True, slots=True)
class _Entry:
    pattern: re.Pattern[str]
    methods: frozenset[str]


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Starlette's patterns end with `$`, which also stands before a line end: `/user/1/%0A`."""
    return re.compile(rf"{pattern.pattern.removesuffix('$')}\Z")


class RouteTable:
    """The paths an application answers, with their methods. Pure: it decides, others reply."""

    def __init__(self, routes: Iterable[tuple[str, Iterable[str]]]) -> None:
        methods: dict[str, set[str]] = {}
        for path, allowed in routes:
            methods.setdefault(path, {"OPTIONS"}).update(allowed)
        for allowed in methods.values():
            if "GET" in allowed:
                allowed.add("HEAD")
        self._rules = {
            (method, legacy_rule(path))
            for path, allowed in methods.items()
            for method in allowed - {"HEAD", "OPTIONS"}
        }
        self._fixed = {path: frozenset(m) for path, m in methods.items() if "{" not in path}
        self._variable: dict[_Shape, list[_Entry]] = {}
        for path in sorted(methods, key=specificity):
            if "{" in path:
                entry = _Entry(_whole(compile_path(path)[0]), frozenset(methods[path]))
                self._variable.setdefault(_shape_of_rule(path), []).append(entry)

    def has(self, method: str, rule: str) -> bool:
        """Whether a route takes the method; HEAD and OPTIONS have none of their own."""
        return (method, rule) in self._rules

    def resolve(self, method: str, path: str) -> Resolution:
        path = with_one_slash(path)
        allowed = self._allowed(path)
        if method in allowed:
            return Resolution(RouteDecision.MATCHED, allowed)
        if allowed:
            return Resolution(RouteDecision.WRONG_METHOD, allowed)
        return self._elsewhere(method, path)

    def _elsewhere(self, method: str, path: str) -> Resolution:
        if method in self._allowed(f"{path}/"):
            return Resolution(RouteDecision.REDIRECT, target=f"{path}/")
        if "//" in path:
            merged = _RUN_OF_SLASHES.sub("/", path)
            for target in (merged, f"{merged}/"):
                if method in self._allowed(target):
                    return Resolution(RouteDecision.REDIRECT, target=target)
        return Resolution(RouteDecision.NOT_FOUND)

    def _allowed(self, path: str) -> frozenset[str]:
        allowed = self._fixed.get(path, frozenset())
        for shape in (shape_of(path), _ANY_SHAPE):
            for entry in self._variable.get(shape, ()):
                if entry.pattern.match(path):
                    allowed |= entry.methods
        return allowed
