"""What Flask does for every rule and FastAPI does not: HEAD, OPTIONS, and `Allow` with all methods."""

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def allowed(app: FastAPI, path: str) -> set[str]:
    """The methods of a path; empty when it has none."""
    methods: set[str] = set()
    for route in iter_route_contexts(app.router.routes):
        if route.methods and route.path_regex.match(path):
            methods |= route.methods
    if not methods:
        return methods
    return methods | {"OPTIONS", *(["HEAD"] if "GET" in methods else [])}


class FlaskManners:
    def __init__(self, app: ASGIApp, api: FastAPI) -> None:
        self._app, self._api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        methods = allowed(self._api, scope["path"])
        listed = ", ".join(sorted(methods)).encode()
        if scope["method"] == "OPTIONS" and methods:
            headers = [(b"content-type", b"text/html; charset=utf-8"), (b"allow", listed)]
            headers.append((b"content-length", b"0"))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        is_head = scope["method"] == "HEAD" and "HEAD" in methods

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                kept = [pair for pair in message["headers"] if pair[0] != b"allow"]
                message["headers"] = [*kept, (b"allow", listed)]
            elif message["type"] == "http.response.body" and is_head:
                message["body"] = b""
            await send(message)

        await self._app({**scope, "method": "GET"} if is_head else scope, receive, reply)
