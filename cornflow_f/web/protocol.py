"""The legacy's HTTP habits, outside of any route: one ASGI layer around the whole application.

Slash redirects are 308, HEAD and OPTIONS are answered for every route, an unknown path and a wrong
method have the legacy's envelopes, an unexpected exception is a 500 in JSON, every reply carries the
CORS headers, and the application may live under a prefix (`APPLICATION_ROOT`).
"""

import html
import json
import logging
from collections.abc import Iterable
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cornflow_f.database.failures import is_trouble_of_the_database
from cornflow_f.web.cors import CorsPolicy
from cornflow_f.web.routing import MATCHED_RULE, RouteDecision, RouteTable, with_one_slash

logger = logging.getLogger("cornflow_f")

INTERNAL_ERROR = "500 Internal Server Error"
INTERNAL_ERROR_DETAIL = (
    "The server encountered an internal error and was unable to complete your request. "
    "Either the server is overloaded or there is an error in the application."
)
UNAVAILABLE = "unavailable"
"""In the message that begins a reply: what it lacked. For whoever runs this application; no client gets it."""
_NOT_FOUND = {
    "message": "404 Not Found",
    "error": "404 Not Found. The requested URL was not found on the server. "
    "If you entered the URL manually please check your spelling and try again.",
}
_WRONG_METHOD = {"message": "The method is not allowed for the requested URL."}
_UNAVAILABLE = {
    "message": "503 Service Unavailable",
    "error": "The database can't be reached. Please try again in a moment.",
}
_OUTSIDE_PAGE = (
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    f"<p>{_NOT_FOUND['error'].removeprefix('404 Not Found. ')}</p>\n"
)
_PLAIN_IN_PATHS = "!$&'()*+,/:;=@"
_HTML = b"text/html; charset=utf-8"
_JSON = b"application/json"


class LegacyProtocol:
    """Wraps the application. `documents` are paths outside the table that the application answers itself."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        table: RouteTable,
        cors: CorsPolicy,
        documents: frozenset[str],
        application_root: str = "/",
        show_internal_errors: bool = False,
    ) -> None:
        self.app = app
        self._table = table
        self._cors = cors
        self._documents = documents
        self._root = "" if application_root == "/" else application_root
        self._show_internal_errors = show_internal_errors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = {**scope, "headers": _as_one_field(scope["headers"])}
        path: str = scope["path"]
        if self._root:
            if path != self._root and not path.startswith(f"{self._root}/"):
                await _reply(send, 404, _OUTSIDE_PAGE.encode(), _HTML)
                return
            path = path.removeprefix(self._root)
            scope = {**scope, "root_path": self._root}
        if path.startswith("//"):
            path = with_one_slash(path)
            scope = {**scope, "path": f"{self._root}{path}"}
        await self._guarded(path, scope, receive, self._with_cors(scope, send))

    async def _guarded(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._route(path, scope, receive, watched_send)
        except ClientDisconnect:
            # Nobody is there to be answered, and nothing has failed.
            logger.info("%s %s: the client went away", scope["method"], scope["path"])
        except Exception as error:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            await self._apologise(error, send)

    async def _apologise(self, error: Exception, send: Send) -> None:
        if is_trouble_of_the_database(error):
            await _reply_json(
                _noting_what_lacked(send), 503, _UNAVAILABLE, [(b"retry-after", b"5")]
            )
            return
        if self._show_internal_errors:
            text = f"{type(error).__name__}: {error}"
            await _reply_json(send, 500, {"message": text, "error": text})
            return
        await _reply_json(send, 500, {"message": INTERNAL_ERROR, "error": INTERNAL_ERROR_DETAIL})

    async def _route(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        rule = scope.get(MATCHED_RULE)
        if rule is not None and self._table.has(method, rule):
            await self.app(scope, receive, send)
            return
        resolution = self._table.resolve(method, path)
        if resolution.decision is RouteDecision.MATCHED:
            if method == "OPTIONS":
                await _reply(send, 200, b"", _HTML, _allow(resolution.allowed))
            elif method == "HEAD":
                await self.app({**scope, "method": "GET"}, receive, _without_body(send))
            else:
                await self.app(scope, receive, send)
        elif resolution.decision is RouteDecision.WRONG_METHOD:
            await _reply_json(send, 405, _WRONG_METHOD, _allow(resolution.allowed))
        elif resolution.decision is RouteDecision.REDIRECT:
            await _redirect(send, self._address(scope, resolution.target))
        elif path in self._documents:
            await self.app(scope, receive, send)
        else:
            await _reply_json(send, 404, _NOT_FOUND)

    def _address(self, scope: Scope, path: str) -> str:
        host = Headers(scope=scope).get("host", "localhost")
        address = f"{scope['scheme']}://{host}{self._root}{quote(path, safe=_PLAIN_IN_PATHS)}"
        query = scope["query_string"].decode("latin-1")
        return f"{address}?{query}" if query else address

    def _with_cors(self, scope: Scope, send: Send) -> Send:
        headers = Headers(scope=scope)
        added = self._cors.headers(
            scope["method"],
            headers.get("origin"),
            headers.get("access-control-request-method"),
            headers.get("access-control-request-headers"),
            headers.get("access-control-request-private-network"),
        )
        if not added:
            return send

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        return send_with_cors


def _as_one_field(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The fields of a request as the legacy's server hands them on: no blanks around a value, each name once.

    Of a field that came twice the legacy sees both values with a comma between: two tokens are none.
    """
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        value = value.strip(b" \t")
        joined[name] = joined[name] + b"," + value if name in joined else value
    return list(joined.items())


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head


def _noting_what_lacked(send: Send) -> Send:
    async def send_noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, UNAVAILABLE: "database"}
        await send(message)

    return send_noted


def _allow(methods: frozenset[str]) -> list[tuple[bytes, bytes]]:
    return [(b"allow", ", ".join(sorted(methods)).encode())]


async def _redirect(send: Send, address: str) -> None:
    # parity: as markupsafe writes quotes, which werkzeug escapes by
    shown = html.escape(address).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    page = (
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n"
        "<p>You should be redirected automatically to the target URL: "
        f'<a href="{shown}">{shown}</a>. If not, click the link.\n'
    )
    await _reply(send, 308, page.encode(), _HTML, [(b"location", address.encode("latin-1"))])


async def _reply_json(
    send: Send,
    status: int,
    content: dict[str, str],
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    await _reply(send, status, json.dumps(content).encode(), _JSON, headers)


async def _reply(
    send: Send,
    status: int,
    body: bytes,
    content_type: bytes,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    length = str(len(body)).encode()
    raw = [(b"content-type", content_type), (b"content-length", length), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
