"""A short reply of a WSGI app, taken from its thread in one piece.

The adapter hands over status, body and end one by one, and for each the thread waits until the event loop
has taken it: with a small reply that is a good part of the time. A reply that says its length, and is not
long, is collected on the thread instead, and then is there as a whole.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.types import Send

LONGEST = 256 * 1024
"""Bytes of a body that are collected; longer ones pass piece by piece."""

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_Head = tuple[str, list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class WholeReply:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class Collector:
    """Between the adapter and the app, for one request: `start_response` is the adapter's."""

    def __init__(self, start_response: Callable[..., Any]) -> None:
        self._start_response = start_response
        self._head: _Head | None = None
        self._pieces: list[bytes] = []
        self._is_passing = False
        self.reply: WholeReply | None = None

    def call(self, app: WSGIApp, environ: dict[str, Any]) -> Iterable[bytes]:
        """What the adapter is to iterate over: nothing, when `reply` has it all."""
        iterable = app(environ, self._start)
        head = self._head
        if head is None:
            # It has said something else, or says nothing before it is asked for its first piece.
            self._is_passing = True
            return iterable
        try:
            self._pieces.extend(iterable)
            status, headers = head
            self.reply = WholeReply(
                int(status.split(" ", 1)[0]),
                [
                    (name.strip().lower().encode("latin-1"), value.strip().encode("latin-1"))
                    for name, value in headers
                ],
                b"".join(self._pieces),
            )
        finally:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()
        return ()

    def _start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if self._is_passing or exc_info is not None or not _is_short(headers):
            self._head = None
            write: Callable[[bytes], object] = self._start_response(status, headers, exc_info)
            return write
        self._head = status, headers
        return self._pieces.append


def _is_short(headers: Iterable[tuple[str, str]]) -> bool:
    for name, value in headers:
        if name.lower() == "content-length":
            return value.isdecimal() and int(value) <= LONGEST
    return False
