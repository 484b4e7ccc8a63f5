"""What the port uses of FastAPI and Starlette that their documents do not promise: each use is here.

`tests/packages/test_private_apis.py` says what of it a new version broke; the upper bounds in
`distributions/cornflow-f` are the newest that were tested.
"""

from collections.abc import Callable, Collection
from typing import Any

from fastapi.dependencies.models import Dependant
from starlette._utils import get_route_path
from starlette.requests import Request
from starlette.types import Send

__all__ = ["Dependant", "depends_on_any", "direct_calls", "get_route_path", "send_of"]


def direct_calls(dependant: Dependant) -> list[Callable[..., Any] | None]:
    """The functions a route itself depends on, in the order they are named."""
    return [part.call for part in dependant.dependencies]


def depends_on_any(dependant: Dependant, calls: Collection[object]) -> bool:
    """Whether a route depends on one of the functions, itself or through what it depends on."""
    return dependant.call in calls or any(
        depends_on_any(part, calls) for part in dependant.dependencies
    )


def send_of(request: Request) -> Send:
    """What a request was made with, for another one in its place."""
    return request._send
