"""Bodies wait here, not in a worker thread: memory first, then disk, however slow the client is.

Order around an app that blocks threads: ``SpoolReply(SpoolRequest(app))``. The request is read to its
end before the app starts; the reply is taken as fast as the app gives it.
"""

import asyncio
import contextlib
import io
import logging
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.stacks.edge import has_body
from legacy_bridge.stacks.replies import send_error

BODY = "legacy_bridge.body"
"""Where the scope keeps the spooled request, for an app that can read a file."""

MEMORY = 1024 * 1024
"""Bytes of one body held in memory."""

_PIECE = 256 * 1024
"""Bytes handed to the server at once: it buffers what it is given, whatever the size."""

_log = logging.getLogger(__name__)


DISK = 4 * 1024 * 1024 * 1024
"""Bytes of all bodies of a process that may wait on disk."""


class UploadTooSlowError(Exception):
    """The client sent nothing for too long."""


class SpoolFullError(Exception):
    """All of what may wait on disk is taken."""


class SpoolRoom:
    """What bodies may take of the disk, over all requests and replies of a process."""

    def __init__(self, limit: int = DISK) -> None:
        self.limit = limit
        self.held = 0
        self.refused = 0
        """Requests that were answered 503 because there was no room."""
        self.slowed = 0
        """Replies that went on only as fast as their client because there was no room."""

    def take(self, size: int) -> bool:
        if self.held + size > self.limit:
            return False
        self.held += size
        return True

    def give(self, size: int) -> None:
        self.held -= size


@dataclass(slots=True)
class SpooledBody:
    """A request's whole body: a file at its beginning, and its size in bytes."""

    file: IO[bytes]
    size: int
    on_disk: int = 0
    """Bytes that count as being on disk."""

    def as_receive(self, after: Receive) -> Receive:
        """The body as ASGI messages; afterwards what the server says, which is the disconnect."""
        left: int | None = self.size

        async def receive() -> Message:
            nonlocal left
            if left is None:
                return await after()
            data = (
                self.file.read(_PIECE)
                if self.size <= MEMORY
                else await asyncio.to_thread(self.file.read, _PIECE)
            )
            left -= len(data)
            more = left > 0 and bool(data)
            if not more:
                left = None
            return {"type": "http.request", "body": data, "more_body": more}

        return receive


class SpoolRequest:
    """Reads the request to its end before the app starts, and tells the app its length.

    WSGI apps read nothing from a chunked request, and a client that goes away in the middle looks like
    the end of a shorter one: such a request never reaches the app.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        memory: int = MEMORY,
        idle_seconds: float = 60,
        room: SpoolRoom | None = None,
    ) -> None:
        self._app = app
        self._memory = memory
        self._idle_seconds = idle_seconds
        self._room = room or SpoolRoom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._read(scope, receive) if _may_have_body(scope) else _empty()
        except UploadTooSlowError:
            text = f"the request's body did not arrive: nothing for {self._idle_seconds:g} s"
            await send_error(send, 408, text)
            return
        except SpoolFullError:
            self._room.refused += 1
            text = "too many large bodies are on their way at the moment: try again later"
            await send_error(send, 503, text, [(b"retry-after", b"10")])
            return
        if body is None:
            return
        try:
            with contextlib.closing(body.file):
                scope = {**scope, "headers": _with_length(scope["headers"], body.size), BODY: body}
                await self._app(scope, body.as_receive(receive), send)
        finally:
            self._room.give(body.on_disk)

    async def _read(self, scope: Scope, receive: Receive) -> SpooledBody | None:
        length = next((v for n, v in scope["headers"] if n == b"content-length"), b"")
        if length.isdigit() and int(length) > max(self._memory, self._room.limit - self._room.held):
            raise SpoolFullError
        message = await self._next(receive)
        if message["type"] == "http.disconnect":
            return None
        if not message.get("more_body", False):
            data: bytes = message.get("body", b"")
            return SpooledBody(io.BytesIO(data), len(data))
        return await self._read_long(message, receive)

    async def _read_long(self, message: Message, receive: Receive) -> SpooledBody | None:
        # Plain memory until it is too much: SpooledTemporaryFile decides where the bytes are.
        file = tempfile.SpooledTemporaryFile(max_size=self._memory)  # noqa: SIM115 - given away
        size = on_disk = 0
        waiting: list[bytes] = []
        waiting_bytes = 0
        try:
            while True:
                data = message.get("body", b"")
                size += len(data)
                if size > self._memory:
                    if not self._room.take(size - on_disk):
                        raise SpoolFullError
                    on_disk = size
                waiting.append(data)
                waiting_bytes += len(data)
                last = not message.get("more_body", False)
                if last or waiting_bytes >= _PIECE:
                    await asyncio.to_thread(file.write, b"".join(waiting))
                    waiting, waiting_bytes = [], 0
                if last:
                    break
                message = await self._next(receive)
                if message["type"] == "http.disconnect":
                    file.close()
                    self._room.give(on_disk)
                    return None
        except BaseException:
            file.close()
            self._room.give(on_disk)
            raise
        file.seek(0)
        return SpooledBody(file, size, on_disk)

    async def _next(self, receive: Receive) -> Message:
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await receive()
        except TimeoutError:
            raise UploadTooSlowError from None


def _may_have_body(scope: Scope) -> bool:
    """Whether there is something to wait for. From HTTP/2 on a body needs no header."""
    return scope.get("http_version") not in ("1.0", "1.1") or has_body(scope["headers"])


def _empty() -> SpooledBody:
    return SpooledBody(io.BytesIO(), 0)


def _with_length(headers: list[tuple[bytes, bytes]], size: int) -> list[tuple[bytes, bytes]]:
    if not any(name == b"transfer-encoding" for name, _ in headers):
        return headers
    dropped = (b"transfer-encoding", b"content-length")
    kept = [field for field in headers if field[0] not in dropped]
    return [*kept, (b"content-length", str(size).encode())]


class SpoolReply:
    """Takes the reply as fast as the app gives it, passes it on as fast as the client takes it.

    When the client is gone the app's reply is swallowed to its end, so that the thread that makes it
    comes free: adapters leave it waiting for ever.
    """

    def __init__(
        self, app: ASGIApp, *, memory: int = MEMORY, room: SpoolRoom | None = None
    ) -> None:
        self._app = app
        self._memory = memory
        self._room = room or SpoolRoom()
        self._producers: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spool = _Spool(self._memory, self._room)
        producer = asyncio.create_task(self._produce(spool, scope, receive))
        # The task outlives this call when the client is gone, so somebody must hold it.
        self._producers.add(producer)
        producer.add_done_callback(self._producers.discard)
        try:
            async for message in spool:
                await send(message)
        except OSError as error:
            _log.debug("the client is gone: %r", error)
            spool.abandon()
            producer.add_done_callback(_log_late_failure)
            return
        except BaseException:
            spool.abandon()
            producer.add_done_callback(_log_late_failure)
            raise
        await producer

    async def _produce(self, spool: "_Spool", scope: Scope, receive: Receive) -> None:
        try:
            await self._app(scope, receive, spool.put)
        finally:
            spool.finish()


def _log_late_failure(producer: asyncio.Task[None]) -> None:
    if not producer.cancelled() and (error := producer.exception()) is not None:
        _log.error("after its client was gone the app failed", exc_info=error)


class _Spool:
    """A queue of ASGI messages whose bodies overflow to disk. One writer, one reader."""

    def __init__(self, memory: int, room: SpoolRoom) -> None:
        self._memory = memory
        self._room = room
        self._is_slowed = False
        self._taken = asyncio.Event()
        self._messages: deque[Message] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._finished = False
        self._abandoned = False
        self._file: IO[bytes] | None = None
        self._file_lock = asyncio.Lock()
        self._written = 0
        self._read = 0

    async def put(self, message: Message) -> None:
        if self._abandoned:
            return
        body = message.get("body", b"")
        if not body and message.get("more_body", False):
            # Says nothing, and in the queue it would hide that what is behind it is older than the file.
            return
        if body and (self._file is not None or self._held + len(body) > self._memory):
            if not self._room.take(len(body)):
                await self._wait_for_client()
                if not self._abandoned:
                    self._held += len(body)
                    self._messages.append(message)
                    self._news.set()
                return
            try:
                await self._spill(body)
            except BaseException:
                self._room.give(len(body))
                raise
            if message.get("more_body", False):
                self._news.set()
                return
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        elif body:
            self._held += len(body)
        self._messages.append(message)
        self._news.set()

    async def _wait_for_client(self) -> None:
        """No room on disk: from here on the app is as slow as its client."""
        if not self._is_slowed:
            self._is_slowed = True
            self._room.slowed += 1
        while (self._messages or self._read < self._written) and not self._abandoned:
            self._taken.clear()
            await self._taken.wait()

    def finish(self) -> None:
        self._finished = True
        self._news.set()
        if self._abandoned:
            self._close()

    def abandon(self) -> None:
        """Nobody reads any more: what comes is dropped."""
        self._abandoned = True
        self._messages.clear()
        self._taken.set()
        if self._finished:
            self._close()

    async def __aiter__(self) -> AsyncIterator[Message]:
        while True:
            # Before the file was opened everything went to the queue; while it has bytes to read,
            # only an end without bytes can be in the queue, and that comes after them.
            while self._messages and (self._read == self._written or self._is_older()):
                message = self._messages.popleft()
                self._held -= len(message.get("body", b""))
                yield message
            if self._read < self._written:
                piece = await self._piece()
                yield {"type": "http.response.body", "body": piece, "more_body": True}
            elif self._finished and not self._messages:
                self._close()
                return
            elif not self._messages:
                self._taken.set()
                self._news.clear()
                await self._news.wait()

    def _is_older(self) -> bool:
        first = self._messages[0]
        return first["type"] != "http.response.body" or bool(first.get("body", b""))

    async def _spill(self, data: bytes) -> None:
        async with self._file_lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _close
            await asyncio.to_thread(self._write, self._file, data)
            self._written += len(data)

    def _write(self, file: IO[bytes], data: bytes) -> None:
        file.seek(self._written)
        file.write(data)

    async def _piece(self) -> bytes:
        async with self._file_lock:
            assert self._file is not None
            piece = await asyncio.to_thread(self._read_at, self._file)
            self._read += len(piece)
            return piece

    def _read_at(self, file: IO[bytes]) -> bytes:
        file.seek(self._read)
        return file.read(_PIECE)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._room.give(self._written)
