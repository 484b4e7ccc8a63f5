"""Who asks, for the guards: the user that a token names, as the port reads it."""

from starlette.requests import Request
from starlette.types import ASGIApp

from legacy_bridge.stacks.edge import Headers


async def username(port: ASGIApp, headers: Headers) -> str | None:
    """None for a token that both stacks refuse."""
    from cornflow_f.errors import CornflowError
    from cornflow_f.web.deps import bearer_token, username_of

    request = Request({"type": "http", "app": port, "headers": headers})
    try:
        return await username_of(bearer_token(request), request)
    except CornflowError:
        return None
