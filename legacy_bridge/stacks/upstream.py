"""The legacy as an ASGI app: elsewhere, in its own processes, reached over HTTP."""

import logging
from collections.abc import AsyncIterator, Iterable

import httpx
from starlette.types import Receive, Scope, Send

from legacy_bridge.operations.operation import SAFE_METHODS
from legacy_bridge.stacks.edge import Headers, has_body, mount_point, refuse_websocket
from legacy_bridge.stacks.replies import send_error
from legacy_bridge.stacks.spool import DISK, SpoolReply, SpoolRequest, SpoolRoom

CONNECT_SECONDS = 5.0
READ_SECONDS = 300.0
CONNECTIONS = 100

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_ANSWERED_HERE = frozenset({b"date", b"server"})
"""What our own server writes on every reply."""

_log = logging.getLogger(__name__)


class UpstreamLegacy:
    """A legacy at ``http(s)://host[:port][/prefix]``.

    `Host` is kept and `X-Forwarded-*` added, so that the legacy builds the same links as before. An
    upstream that can't be reached is a 502, one that is too slow a 504, both with a message.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        connections: int = CONNECTIONS,
        spool_bytes: int = DISK,
    ) -> None:
        self._base = httpx.URL(url)
        if self._base.scheme not in ("http", "https") or not self._base.host:
            raise ValueError(
                f"the legacy's address must start with http:// or https://, not '{url}'"
            )
        self._prefix = self._base.raw_path.rstrip(b"/")
        self.timeouts = {
            "connect": connect_seconds,
            "read": read_seconds,
            "write": read_seconds,
            "pool": connect_seconds,
        }
        self.connections = connections
        # The transport below the client: no cookie jar, no redirects, no headers of its own, no proxy
        # from the environment.
        self._transport = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )
        # Slow clients hold none of the upstream's threads either.
        self.room = SpoolRoom(spool_bytes)
        self._app = SpoolReply(SpoolRequest(self._forward, room=self.room), room=self.room)

    async def startup(self) -> None:
        """Connections open when they are needed: an upstream may come up later than we do."""

    async def shutdown(self) -> None:
        await self._transport.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await refuse_websocket(receive, send)
            return
        await self._app(scope, receive, send)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            await send_error(send, 400, "The request has more than one Host field.")
            return
        try:
            reply = await self._request(scope, receive)
        except httpx.LocalProtocolError as error:
            # the client's doing, not the legacy's
            _log.info("a request can't be passed on: %r", error)
            await send_error(send, 400, "The request can't be passed on as HTTP.")
        except httpx.TimeoutException as error:
            await self._unavailable(send, 504, "did not answer in time", error)
        except httpx.TransportError as error:
            await self._unavailable(send, 502, "can't be reached", error)
        else:
            try:
                await _pass_on(reply, send)
            finally:
                await reply.aclose()

    async def _request(self, scope: Scope, receive: Receive) -> httpx.Response:
        request = self._build(scope, receive)
        try:
            return await self._transport.handle_async_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            # A kept connection may be closed by the upstream in the moment we use it. What changes
            # nothing can be asked again.
            if scope["method"] not in SAFE_METHODS or has_body(scope["headers"]):
                raise
            return await self._transport.handle_async_request(self._build(scope, receive))

    def _build(self, scope: Scope, receive: Receive) -> httpx.Request:
        # The exact bytes of the path: httpx would resolve dots and requote.
        target = self._prefix + scope.get("raw_path", mount_point(scope).path_info.encode())
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        return httpx.Request(
            scope["method"],
            self._base.copy_with(raw_path=b"/"),
            headers=_request_headers(scope),
            content=_body(receive) if has_body(scope["headers"]) else None,
            extensions={"timeout": self.timeouts, "target": target},
        )

    async def _unavailable(self, send: Send, status: int, what: str, error: Exception) -> None:
        _log.error("the legacy at %s %s: %r", self._base, what, error)
        await send_error(send, status, f"The legacy application {what}. Try again later.")


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _request_headers(scope: Scope) -> Headers:
    headers = _end_to_end(scope["headers"], also=frozenset({b"expect"}))
    values = dict(headers)
    client = scope.get("client")
    if client is not None:
        before = [value for name, value in headers if name == b"x-forwarded-for"]
        headers = [field for field in headers if field[0] != b"x-forwarded-for"]
        headers.append((b"x-forwarded-for", b", ".join([*before, client[0].encode()])))
    if b"x-forwarded-proto" not in values:
        headers.append((b"x-forwarded-proto", scope.get("scheme", "http").encode()))
    if b"x-forwarded-host" not in values and b"host" in values:
        headers.append((b"x-forwarded-host", values[b"host"]))
    return headers


async def _pass_on(reply: httpx.Response, send: Send) -> None:
    headers = _end_to_end(
        [(name.lower(), value) for name, value in reply.headers.raw], also=_ANSWERED_HERE
    )
    await send({"type": "http.response.start", "status": reply.status_code, "headers": headers})
    async for piece in reply.aiter_raw():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _end_to_end(
    headers: Iterable[tuple[bytes, bytes]], *, also: frozenset[bytes] = frozenset()
) -> Headers:
    """The fields that are not only for the next hop, without blanks around their values.

    `Connection` names none of its own: a client could have `Authorization`, `Content-Length` or a proxy's
    own field dropped, and the legacy got them all before the bridge was there.
    """
    dropped = _HOP_BY_HOP | also
    return [(name, value.strip(b" \t")) for name, value in headers if name not in dropped]
