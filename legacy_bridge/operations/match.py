"""Which operation a request is for, decided by werkzeug's own router over the legacy's rules. Pure.

HEAD belongs to the GET of its rule. OPTIONS belongs to a whole rule, so it is a result of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from werkzeug import exceptions
from werkzeug.routing import BaseConverter, Map, RequestRedirect, Rule
from werkzeug.routing.exceptions import RoutingException

from legacy_bridge.operations.match_cache import Shape, Shapes, is_told
from legacy_bridge.operations.operation import LegacyRule, Operation


@dataclass(frozen=True, slots=True)
class OptionsRequest:
    """OPTIONS of a rule."""

    rule: str


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """A rule of the legacy that is never ported."""

    rule: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """The path needs a slash more, or fewer."""


@dataclass(frozen=True, slots=True)
class NoMethod:
    """The path has rules, none takes the method."""


@dataclass(frozen=True, slots=True)
class NoOperation:
    """No rule has the path."""


Match: TypeAlias = Operation | OptionsRequest | Infrastructure | Redirect | NoMethod | NoOperation

_REDIRECT, _NO_METHOD, _NOT_FOUND = Redirect(), NoMethod(), NoOperation()
_MATCHES = (Operation, OptionsRequest, Infrastructure)


class Matcher:
    """Matches paths against the legacy's rules.

    `root` is the prefix the whole application lives under (Flask's APPLICATION_ROOT when a dispatcher
    mounts it there); `converters` are the legacy's own ones, by name.
    """

    def __init__(
        self,
        rules: Iterable[LegacyRule],
        *,
        root: str = "/",
        converters: Mapping[str, type[BaseConverter]] | None = None,
    ) -> None:
        self._root = root.rstrip("/")
        self._results: dict[tuple[str, str], Match] = {}
        rules = list(rules)
        self._shapes = Shapes((rule.rule for rule in rules), converters or ())
        self._known: dict[Shape, Match] = {}
        url_map = Map(converters=converters)
        for rule in rules:
            url_map.add(
                Rule(
                    rule.rule,
                    endpoint=rule,
                    methods=rule.methods,
                    strict_slashes=rule.strict_slashes,
                    merge_slashes=rule.merge_slashes,
                )
            )
            for method in rule.methods:
                self._results.setdefault((method, rule.rule), _result(rule, method))
        # The rules are compiled now, not by the first request; the host plays no part.
        url_map.update()
        self._adapter = url_map.bind("localhost")

    def match(self, method: str, path: str) -> Match:
        """`path` is decoded, without the query."""
        if self._root:
            inside = path_below(path, self._root)
            if inside is None:
                return _NOT_FOUND
            path = inside
        shape = self._shapes.of(method, path)
        known = self._known.get(shape)
        if known is not None:
            return known
        result = self._look_up(method, path)
        # Only rules that match, and methods as they are written: so what is kept does not grow with traffic.
        if type(result) in _MATCHES and method.isupper() and is_told(shape):
            self._known[shape] = result
        return result

    def _look_up(self, method: str, path: str) -> Match:
        try:
            rule, _ = self._adapter.match(path, method, return_rule=True, websocket=False)
        except exceptions.MethodNotAllowed:
            return _NO_METHOD
        except RequestRedirect:
            return _REDIRECT
        except (exceptions.NotFound, RoutingException):
            return _NOT_FOUND
        # werkzeug compares methods without regard to case, so do we.
        return self._results[method.upper(), rule.rule]


def path_below(path: str, root: str) -> str | None:
    """`path` without the prefix `root` (no slash at its end), or None. `/api` is no prefix of `/apiv2`."""
    if path == root:
        return ""
    if path.startswith(root) and path[len(root)] == "/":
        return path[len(root) :]
    return None


def _result(rule: LegacyRule, method: str) -> Match:
    if rule.infrastructure:
        return Infrastructure(rule.rule)
    if method == "OPTIONS":
        return OptionsRequest(rule.rule)
    return Operation("GET" if method == "HEAD" and "GET" in rule.methods else method, rule.rule)
