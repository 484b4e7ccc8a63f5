"""Bodies: read under a limit, inflated and decoded under limits of bytes and of values.

A client decides what a body costs. So a guarded route asks the guard before it waits for one, what is
large is decoded off the event loop, and what would fill the memory is counted before it is built.
"""

import asyncio
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope

from cornflow_f.errors import BodyTooLarge
from cornflow_f.validation.marshmallow import RequestModel, prepared
from cornflow_f.web.memory import give_back, no_collection

MALFORMED = object()
"""Stands for a body that is not JSON: refused by validation, so after the permission check."""

DAMAGED = object()
"""Stands for a body that says it is gzip and is not."""

TOO_LARGE = object()
"""Stands for a body that is larger than the server inflates (`CORNFLOW_F_MAX_INFLATED_BYTES`)."""

TOO_MANY = object()
"""Stands for a body with more values than the server builds (`CORNFLOW_F_MAX_JSON_VALUES`)."""

UNREADABLE = (MALFORMED, DAMAGED, TOO_LARGE, TOO_MANY)

_LARGE_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_BEST_RATIO = 1032
"""The most that deflate makes of one byte."""
_BYTES_GIVEN_BACK = 8 * 1024 * 1024
"""Bodies from this size on leave holes that the system's allocator keeps."""
_END_OF_TEXT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class LimitedBody:
    """A request's body on its way in. Raises BodyTooLarge once it is longer than `limit` bytes."""

    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0
        self._first: Message | None = None
        length = next((v for n, v in scope["headers"] if n == b"content-length"), b"")
        self._says = int(length) if length.isdigit() else 0

    async def begin(self) -> bool:
        """Waits for the first piece, and tells whether there will be more. Nothing is lost."""
        if self._first is None:
            self._first = await self._receive()
        return bool(self._first.get("more_body", False))

    async def receive(self) -> Message:
        if self._says > self._limit:
            raise BodyTooLarge(self._limit)
        message, self._first = self._first, None
        if message is None:
            message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            raise BodyTooLarge(self._limit)
        return message

    async def whole(self) -> bytearray:
        """All of it, once. Raises ClientDisconnect."""
        raw = bytearray()
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        return raw


class JsonRequest(Request):
    """A request whose body is always JSON: `{}` when there is none or it says it is something else.

    Source: webargs' reading of the location "json".
    """

    def __init__(
        self,
        original: Request,
        incoming: LimitedBody | None = None,
        *,
        inflates: bool = False,
        model: type[RequestModel] | None = None,
    ) -> None:
        headers = [h for h in original.scope["headers"] if h[0] != b"content-type"]
        headers.append((b"content-type", b"application/json"))
        super().__init__({**original.scope, "headers": headers}, original.receive)
        limits = original.app.state.settings
        self._incoming = incoming or LimitedBody(
            original.scope, original.receive, limits.max_body_bytes
        )
        self._content_type = original.headers.get("content-type", "")
        # parity: exactly this word, and only where the legacy asks for it (flask_inflate)
        self._inflates = inflates and original.headers.get("content-encoding") == "gzip"
        self._max_inflated: int = limits.max_inflated_bytes
        self._max_values: int = limits.max_json_values
        self._model = model
        self._parsed: Any = None
        self._unread = bytearray()
        self._is_loaded = False
        self.is_empty = True
        self.is_large = False

    @property
    def says_json(self) -> bool:
        return is_json(self._content_type)

    @property
    def is_inflated(self) -> bool:
        return self._inflates

    async def load(self) -> None:
        """Reads and decodes the body. Raises BodyTooLarge, ClientDisconnect."""
        if self._is_loaded:
            return
        self._is_loaded = True
        raw = await self._incoming.whole()
        self.is_empty = not raw
        if not raw or not self.says_json:
            self._parsed = {}
            return
        # What is small may inflate to something large.
        if len(raw) * (_BEST_RATIO if self._inflates else 1) >= _LARGE_BYTES:
            self._parsed = await asyncio.to_thread(self._read, raw)
        else:
            self._parsed = self._read(raw)

    async def body(self) -> bytes:
        await self.load()
        return b"parsed"

    def _read(self, raw: bytearray) -> Any:
        document = self._decoded(raw)
        if document is MALFORMED:
            self._unread = raw
        return document if self._model is None else prepared(document, self._model)

    def _decoded(self, raw: bytearray) -> Any:
        if self._inflates:
            inflated = _inflated(raw, self._max_inflated, self._max_values)
            if not isinstance(inflated, bytearray):
                return inflated
            if not inflated:
                return {}
            raw = inflated
        self.is_large = len(raw) >= _BYTES_GIVEN_BACK
        return _decode(raw, self._max_values)

    async def json(self) -> Any:
        return self._parsed

    def marked_json(self) -> Any:
        """The body if it is JSON with a byte order mark, or in UTF-16 or UTF-32; else MALFORMED."""
        try:
            text = self._unread.decode(json.detect_encoding(self._unread), "surrogatepass")
        except ValueError:
            return MALFORMED
        return _decode_text(text, self._max_values)

    async def forget(self) -> None:
        """The reply is made: what a large body has taken goes back to the system."""
        self._parsed = None
        if self.is_large:
            await asyncio.to_thread(give_back)


def _decode(raw: bytearray, most: int) -> Any:
    if has_more_values(raw, most):
        return TOO_MANY
    try:
        if len(raw) < _LARGE_BYTES:
            return json.loads(raw.decode())
        with no_collection():
            return json.loads(raw.decode())
    except (ValueError, RecursionError):
        return MALFORMED


def _decode_text(text: str, most: int) -> Any:
    try:
        return (
            TOO_MANY if has_more_values(text.encode(errors="replace"), most) else json.loads(text)
        )
    except (ValueError, RecursionError):
        return MALFORMED


def _inflated(raw: bytearray, most: int, most_values: int) -> Any:
    """The inflated bytes, DAMAGED, TOO_LARGE or TOO_MANY."""
    try:
        if len(raw) * _BEST_RATIO > min(most, most_values):
            # Keeps nothing: a bomb costs time, no memory.
            size = begun = 0
            for chunk in _chunks(raw):
                size += len(chunk)
                begun += _begun(chunk, 0, len(chunk))
                if size > most:
                    return TOO_LARGE
            # precisely only if it may be: most of them can stand inside of texts
            if begun > most_values and _has_more_values(raw, most_values):
                return TOO_MANY
        return bytearray(gzip.decompress(raw))
    except (OSError, EOFError, zlib.error):
        return DAMAGED


def _chunks(raw: bytearray) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _has_more_values(raw: bytearray, most: int) -> bool:
    counter = ValueCounter(most)
    return any(counter.add(chunk) for chunk in _chunks(raw))


def has_more_values(raw: bytes | bytearray, most: int) -> bool:
    """Whether JSON holds more than `most` values. Nothing is built; texts may hold any characters."""
    if len(raw) <= most or _begun(raw, 0, len(raw)) <= most:
        return False
    return ValueCounter(most).add(raw)


class ValueCounter:
    """Counts the values of JSON that comes piece by piece.

    Each value but the first is begun by a comma or an opening bracket before it, outside of texts.
    """

    def __init__(self, most: int) -> None:
        self.count = 0
        self._most = most
        self._in_text = False
        self._is_escaped = False

    def add(self, piece: bytes | bytearray) -> bool:
        """Whether there are more than `most` now; then there is no need to look further."""
        at, end = int(self._is_escaped and bool(piece)), len(piece)
        if piece:
            self._is_escaped = False
        while at < end:
            if self._in_text:
                closing = _END_OF_TEXT.match(piece, at)
                if closing is None:
                    self._is_escaped = _ends_escaping(piece, at)
                    return False
                at, self._in_text = closing.end(), False
                continue
            quote = piece.find(b'"', at)
            stop = end if quote < 0 else quote
            self.count += _begun(piece, at, stop)
            if self.count > self._most:
                return True
            at, self._in_text = stop + 1, quote >= 0
        return False


def _ends_escaping(piece: bytes | bytearray, start: int) -> bool:
    """Whether the last character is a backslash that is not escaped itself."""
    at = len(piece)
    while at > start and piece[at - 1 : at] == b"\\":
        at -= 1
    return (len(piece) - at) % 2 == 1


def _begun(raw: bytes | bytearray, start: int, end: int) -> int:
    return sum(raw.count(mark, start, end) for mark in (b",", b"[", b"{"))


def is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
