"""A small HTTP/1.1 load generator: a few connections, one request each at a time, replies counted.

Pure asyncio streams: a full client library would be slower than the servers it measures.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """What to send again and again. `expect` is the status every reply must have."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    expect: int = 200

    def encoded(self, host: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


class WrongReply(Exception):
    """A server answered something else than what is measured."""


async def rate(port: int, request: Request, *, connections: int, seconds: float) -> float:
    """Replies per second that this server gives, on 127.0.0.1. Raises WrongReply."""
    stop_at = time.perf_counter() + seconds
    started = time.perf_counter()
    counts = await asyncio.gather(*(_client(port, request, stop_at) for _ in range(connections)))
    return sum(counts) / (time.perf_counter() - started)


async def _client(port: int, request: Request, stop_at: float) -> int:
    sent = request.encoded(f"127.0.0.1:{port}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**26)
    count = 0
    try:
        while time.perf_counter() < stop_at:
            writer.write(sent)
            await _read_reply(reader, request)
            count += 1
    finally:
        writer.close()
    return count


async def _read_reply(reader: asyncio.StreamReader, request: Request) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    body = b""
    if "content-length:" in head:
        length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0])
        body = await reader.readexactly(length)
    elif "transfer-encoding: chunked" in head:
        while (size := int((await reader.readline()).strip() or b"0", 16)) > 0:
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    if status != request.expect:
        raise WrongReply(f"{request.method} {request.path}: {status} {body[:300]!r}")
