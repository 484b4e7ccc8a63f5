"""A server on loopback that remembers what it was asked; stand-ins for orchestrators build on it."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

USER = "orchestrator"
PASSWORD = "orchestrator-pw"

HANG_UP = -1
"""As a status: the connection is closed without a reply."""


@dataclass(frozen=True)
class Call:
    """A request as the stand-in got it."""

    method: str
    path: str
    body: Any = None
    query: dict[str, list[str]] = field(default_factory=dict)
    authorization: str = ""


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = None
    """Text is sent as it is, anything else as JSON."""
    delay: float = 0.0
    """Seconds that it takes."""


class StandIn:
    """Answers by `answer`, which a subclass defines. `calls` are all requests, oldest first."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.lock = threading.RLock()
        self.is_held = False
        """Whether what runs stays in the state that it is in, however often it is asked for."""
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # a reply is two writes: on a connection that is kept, the second would wait 40 ms for the
            # client's acknowledgement, and only a stack that keeps connections would look slow
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                stand_in.handle(self)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                """Not to standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @contextmanager
    def held(self) -> Iterator[None]:
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False

    def answer(self, call: Call) -> Answer:
        raise NotImplementedError

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length).decode()
        parts = urlsplit(handler.path)
        call = Call(
            handler.command,
            unquote(parts.path),
            _decoded(raw),
            parse_qs(parts.query),
            handler.headers.get("Authorization", ""),
        )
        with self.lock:
            self.calls.append(call)
            answer = self.answer(call)
        time.sleep(answer.delay)
        if answer.status == HANG_UP:
            handler.close_connection = True
            return
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        body = text.encode()
        try:
            handler.send_response(answer.status)
            kind = "application/json" if answer.body is not text else "text/html; charset=utf-8"
            handler.send_header("Content-Type", kind)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            # the client did not wait
            handler.close_connection = True

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """The header of basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _decoded(raw: str) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw
