"""Finds a request's route without trying all of them in turn."""

from collections.abc import Sequence

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from cornflow_f.web.fastapi_private import get_route_path
from cornflow_f.web.routing import MATCHED_RULE, legacy_rule, shape_of

_Key = tuple[str, str, int]


class RouteIndex(BaseRoute):
    """Stands before the routes of an application and leads to the right one.

    Routes are kept by method, first segment and number of segments, in the order they are given; all
    of them begin with a fixed segment, and none has a part that takes slashes.
    """

    def __init__(self, routes: Sequence[APIRoute]) -> None:
        self._routes: dict[_Key, list[APIRoute]] = {}
        self._by_rule: dict[tuple[str, str], APIRoute] = {}
        for route in routes:
            for method in route.methods or ():
                self._routes.setdefault(_key(method, route.path), []).append(route)
                self._by_rule.setdefault((method, legacy_rule(route.path)), route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http":
            if (rule := scope.get(MATCHED_RULE)) is not None:
                known = self._by_rule.get((scope["method"], rule))
                if known is not None and (outcome := known.matches(scope))[0] is Match.FULL:
                    return outcome
            for route in self._routes.get(_key(scope["method"], get_route_path(scope)), ()):
                match, child_scope = route.matches(scope)
                if match is Match.FULL:
                    return match, child_scope
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)


def _key(method: str, path: str) -> _Key:
    return method, *shape_of(path)
