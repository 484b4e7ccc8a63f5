"""Records live traffic at the bridge's edge: who is recorded, and what is heard of each exchange.

Masking and writing are a thread's work (`capture_writer.py`). What lies in memory is bounded: an
exchange that does not fit is dropped and counted.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.capture.options import CaptureOptions
from legacy_bridge.capture.writer import CaptureWriter, MemoryBudget
from legacy_bridge.operations.match import Matcher
from legacy_bridge.operations.operation import Operation
from parity_core.capture.fingerprint import FingerprintKey
from parity_core.capture.raw import Raw
from parity_core.capture.record import Body

Label = Callable[[str, str], str]
"""(method, path) -> the operation's name, for the record."""


MEMORY = 64 * 1024 * 1024
"""Bytes of bodies that may wait or be under way."""


def label_of(matcher: Matcher) -> Label:
    """Operations by their name; what is none by the kind of it."""

    def label(method: str, path: str) -> str:
        match = matcher.match(method, path)
        return str(match) if isinstance(match, Operation) else f"{method} ({type(match).__name__})"

    return label


class Capture:
    """Wraps an ASGI application: `await capture(app, scope, receive, send)`."""

    def __init__(self, options: CaptureOptions, label: Label) -> None:
        self.options = options
        self._budget = MemoryBudget(MEMORY)
        self._writer = CaptureWriter(options, self._budget, label)
        self._not_sampled = 0

    def start(self) -> None:
        """Never fails: a folder that can't be written ends the capture, not the bridge."""
        self._writer.start()

    def stop(self) -> None:
        """Writes what waits, for some seconds at most."""
        self._writer.stop()

    def state(self) -> dict[str, Any]:
        """For `/_cutover/health`: nothing is lost in silence."""
        return {**self._writer.state(), "not_sampled": self._not_sampled}

    async def __call__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        key = self._writer.key
        if key is None or self._writer.stopped is not None:
            await app(scope, receive, send)
            return
        if not self._is_wanted(key, scope):
            self._not_sampled += 1
            await app(scope, receive, send)
            return
        heard = _Heard(scope, self._budget, self.options.capture_max_body)

        async def hear() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                heard.request.add(message.get("body", b""))
            return message

        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                heard.status = message["status"]
                heard.reply_headers = list(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                heard.reply.add(message.get("body", b""))
                heard.is_complete = not message.get("more_body", False)
            await send(message)

        try:
            await app(scope, hear, pass_on)
        finally:
            self._writer.put(heard.raw(), heard.held, heard.is_too_much)

    def _is_wanted(self, key: FingerprintKey, scope: Scope) -> bool:
        """By user. Who has no token yet may get one with the reply: the writer decides then."""
        if self.options.capture_sample >= 1:
            return True
        for name, value in scope["headers"]:
            if name == b"authorization":
                user = key.caller(value.decode("latin-1")).user
                return key.is_in_sample(user, self.options.capture_sample)
        return True


@dataclass
class _Part:
    """A body as it passes: kept while it is short, hashed once it is not."""

    limit: int
    budget: MemoryBudget
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    held: int = 0
    digest: Any = None
    is_too_much: bool = False

    def add(self, data: bytes) -> None:
        if not data or self.is_too_much:
            return
        self.size += len(data)
        if self.digest is None:
            if self.size <= self.limit:
                if not self.budget.take(len(data)):
                    self._forget()
                    self.is_too_much = True
                    return
                self.held += len(data)
                self.pieces.append(data)
                return
            self.digest = hashlib.sha256(b"".join(self.pieces))
            self._forget()
        self.digest.update(data)

    def _forget(self) -> None:
        self.budget.give(self.held)
        self.held = 0
        self.pieces.clear()

    def body(self) -> Body:
        if self.digest is not None:
            why = f"longer than {self.limit} bytes"
            return Body(missing=why, length=self.size, sha256=self.digest.hexdigest())
        return Body(b"".join(self.pieces))


class _Heard:
    """One exchange while it goes on."""

    def __init__(self, scope: Scope, budget: MemoryBudget, limit: int) -> None:
        self.at = time.time()
        self.begun = time.perf_counter()
        self.method: str = scope["method"]
        self.target = _target(scope)
        # the bridge replaces the list, it does not change it
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.address = _address(scope, self.headers)
        self.request = _Part(limit, budget)
        self.reply = _Part(limit, budget)
        self.status: int | None = None
        self.reply_headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    @property
    def held(self) -> int:
        return self.request.held + self.reply.held

    @property
    def is_too_much(self) -> bool:
        return self.request.is_too_much or self.reply.is_too_much

    def raw(self) -> Raw:
        reply = self.reply.body()
        if not self.is_complete:
            reply = Body(missing="the reply was cut short", length=self.reply.size)
        headers = _text(self.reply_headers)
        return Raw(
            at=self.at,
            took=time.perf_counter() - self.begun,
            method=self.method,
            target=self.target,
            request_headers=_text(self.headers),
            request_body=self.request.body(),
            status=self.status,
            reply_headers=headers,
            reply_body=reply,
            address=self.address,
            served_by=next((v for n, v in headers if n.lower() == "x-served-by"), ""),
        )


def _text(headers: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _target(scope: Scope) -> str:
    """Path and query as the client wrote them, without the prefix a proxy mounts us under."""
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else quote(scope["path"])
    root = scope.get("root_path", "").rstrip("/")
    if root and path.startswith(f"{root}/"):
        path = path[len(root) :]
    query: str = scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query else path


def _address(scope: Scope, headers: list[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"x-forwarded-for":
            return value.decode("latin-1").partition(",")[0].strip()
    client = scope.get("client")
    return client[0] if client else ""
