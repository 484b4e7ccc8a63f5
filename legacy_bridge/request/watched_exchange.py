"""Keeps what a request and its reply were, while they pass, for a comparison afterwards."""

import time

from starlette.types import Message, Receive, Scope

from legacy_bridge.modes.decisions import Decision
from legacy_bridge.operations.operation import Operation, Stack
from legacy_bridge.shadow.contract import Answer, ClientExchange
from legacy_bridge.stacks.edge import Headers, has_body


class WatchedExchange:
    """One exchange in the making. Bodies are kept as they pass, up to a limit, and never waited for."""

    __slots__ = (
        "_began",
        "_compared",
        "_decision",
        "_headers",
        "_limit",
        "_reply",
        "_request",
        "_request_id",
        "_request_whole",
        "_scope",
        "_started",
        "_status",
    )  # fmt: skip

    def __init__(
        self, decision: Decision, compared: Stack, scope: Scope, request_id: bytes, limit: int
    ) -> None:
        self._decision, self._compared = decision, compared
        # The stack may write into its own.
        self._scope = dict(scope)
        self._request_id = request_id
        self._limit = limit
        self._request: bytearray | None = bytearray()
        self._reply: bytearray | None = bytearray()
        self._request_whole = False
        self._status, self._headers = 0, Headers()
        self._started, self._began = time.time(), time.perf_counter()

    def receive(self, receive: Receive) -> Receive:
        async def receive_watched() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._request = self._keep(self._request, message)
                self._request_whole = not message.get("more_body", False)
            return message

        return receive_watched

    def replied(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._reply = self._keep(self._reply, message)

    def exchange(self) -> ClientExchange:
        """When the client has its reply."""
        decision = self._decision
        assert isinstance(decision.operation, Operation)
        return ClientExchange(
            operation=decision.operation,
            mode=decision.mode,
            trial=decision.trial,
            scope=self._scope,
            body=self._request_body(),
            primary=decision.primary,
            compared=self._compared,
            answer=Answer(
                self._status,
                self._headers,
                None if self._reply is None else bytes(self._reply),
                time.perf_counter() - self._began,
            ),
            started=self._started,
            request_id=self._request_id.decode("latin-1"),
        )

    def _request_body(self) -> bytes | None:
        if self._request_whole and self._request is not None:
            return bytes(self._request)
        # A stack that needs no body does not read it.
        return None if has_body(self._scope["headers"]) else b""

    def _keep(self, kept: bytearray | None, message: Message) -> bytearray | None:
        body = message.get("body", b"")
        if kept is None or len(kept) + len(body) > self._limit:
            return None
        kept += body
        return kept
