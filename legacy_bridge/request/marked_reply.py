"""The server's `send`, adding to the reply who made it and which request it answers."""

import time
from collections.abc import Awaitable

from starlette.types import Message, Send

from legacy_bridge.operations.operation import Stack
from legacy_bridge.request.watched_exchange import WatchedExchange
from legacy_bridge.stacks.edge import REQUEST_ID
from legacy_bridge.stacks.replies import UNAVAILABLE, send_error

_SERVED_BY = b"x-served-by"
BY_LEGACY = (_SERVED_BY, Stack.LEGACY.value.encode())
BY_PORTED = (_SERVED_BY, Stack.PORTED.value.encode())
BY_BRIDGE = (_SERVED_BY, b"bridge")


class MarkedReply:
    """One reply; it is given to a stack as its `send`.

    While `on_trial`, a 5xx does not go out: `failed` says so, and another stack may answer.
    """

    __slots__ = (
        "_request_id",
        "_send",
        "failed",
        "on_trial",
        "served_by",
        "started",
        "status",
        "status_at",
        "unavailable",
        "watched",
    )  # fmt: skip

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.served_by = BY_BRIDGE
        self.started = False
        """The client has got a status."""
        self.status = 0
        """The last status a stack said, whether it went out or not."""
        self.status_at = 0.0
        self.unavailable = False
        """The stack says that something it shares with the other was not to be had."""
        self.on_trial = False
        self.failed = False
        self.watched: WatchedExchange | None = None

    @property
    def request_id(self) -> str:
        return self._request_id.decode("latin-1")

    def __call__(self, message: Message) -> Awaitable[None]:
        # No coroutine of its own: every message of every reply comes through here.
        is_start = message["type"] == "http.response.start"
        if is_start:
            self.status, self.status_at = message["status"], time.perf_counter()
            self.unavailable = message.pop(UNAVAILABLE, None) is not None and self.status == 503
            if self.on_trial and self.status >= 500:
                self.failed = True
        if self.failed and self.on_trial:
            return _nothing()
        if self.watched is not None:
            self.watched.replied(message)
        if is_start:
            self.started = True
            headers = [*message.get("headers", ()), self.served_by]
            if REQUEST_ID not in dict(headers):
                headers.append((REQUEST_ID, self._request_id))
            message["headers"] = headers
        return self._send(message)

    def start_again(self) -> None:
        """For a stack that steps in: what the first said is forgotten."""
        self.on_trial, self.status, self.status_at = False, 0, 0.0

    async def refuse(self, status: int, text: str) -> None:
        await send_error(self, status, text)


async def _nothing() -> None:
    """What becomes of a message that does not go out."""
