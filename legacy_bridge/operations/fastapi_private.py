"""What the bridge uses of FastAPI that its documents do not promise: each use is here, none elsewhere.

`tests/packages/test_private_apis.py` says what of it a new version broke; the upper bound of FastAPI in
`distributions/legacy-bridge` is the newest that was tested.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

try:
    from fastapi.routing import iter_route_contexts
except ImportError:  # older versions copy the routes of an included router, one by one
    iter_route_contexts = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Route:
    """One route of an application, or of a router in it, with its whole path."""

    path: str
    name: str
    methods: frozenset[str]
    dependant: Any
    """FastAPI's own record of what the route depends on."""


def routes_of(app: FastAPI) -> Iterator[Route]:
    """The operations of an application; what is mounted in it is not among them."""
    if iter_route_contexts is None:
        for route in app.router.routes:
            if isinstance(route, APIRoute):
                yield Route(route.path, route.name, frozenset(route.methods), route.dependant)
        return
    for context in iter_route_contexts(app.router.routes):
        if isinstance(context.original_route, APIRoute):
            methods = frozenset(context.methods or ())
            yield Route(context.path or "", context.name or "", methods, context.dependant)


def depends_on_any(dependant: Any, calls: Collection[Callable[..., Any]]) -> bool:
    """Whether a route depends on one of the functions, itself or through what it depends on."""
    return dependant.call in calls or any(
        depends_on_any(part, calls) for part in dependant.dependencies
    )
