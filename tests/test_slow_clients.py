"""Clients that send slowly, and many of them: they are cut off, and nobody else waits.

`uvicorn_connections_private.py` is twice in the tree, since the port and the bridge share no code; here the two are
kept alike.
"""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from legacy_bridge import uvicorn_connections_private as connections
from legacy_bridge.uvicorn_connections_private import (
    ConnectionLimits,
    connections_below_file_limit,
    limited,
)
from parity_tests.stage.process import free_port
from tests.packages.projects import ROOT

HEAD = b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: "
WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def test_both_files_are_the_same() -> None:
    texts = [
        (ROOT / folder / "uvicorn_connections_private.py").read_text()
        for folder in ("cornflow_f/web", "legacy_bridge")
    ]
    assert texts[0] == texts[1], "copy the changed one over the other"


class App:
    """Reads the body; `/wait` answers when it is let go, `/late` reads after a while."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.waiting = 0
        self.gone = asyncio.Event()
        self.read = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/late":
            await asyncio.sleep(4)
        more = scope["method"] == "POST"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            self.read += len(message.get("body", b""))
            more = message.get("more_body", False)
        if scope["path"] == "/wait":
            self.waiting += 1
            await self.go.wait()
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self) -> bytes:
        await self.send(WHOLE)
        return await self.status()

    async def status(self) -> bytes:
        """The status line; nothing when the server has closed without a word."""
        async with asyncio.timeout(60):
            line = await self.reader.readline()
        return line.strip()

    async def rest(self) -> bytes:
        async with asyncio.timeout(60):
            return await self.reader.read()


Serve = Callable[..., Any]


@pytest.fixture(params=[HttpToolsProtocol, H11Protocol], ids=["httptools", "h11"])
def serve(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Serve:
    monkeypatch.setattr(connections, "AutoHTTPProtocol", request.param)

    @asynccontextmanager
    async def serving(
        head: float = 60, body: float = 60, most: int = 1000
    ) -> AsyncIterator[tuple[App, Callable[[], Any]]]:
        app, port = App(), free_port()
        config = uvicorn.Config(
            app,
            port=port,
            lifespan="off",
            log_level="warning",
            http=limited(ConnectionLimits(head, body, most)),
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        clients: list[Client] = []

        async def connect() -> Client:
            client = Client(*await asyncio.open_connection("127.0.0.1", port))
            clients.append(client)
            return client

        # Not `serve`, which takes the signals of pytest.
        task = asyncio.create_task(server._serve())
        try:
            while not server.started:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            yield app, connect
        finally:
            app.go.set()
            for client in clients:
                client.writer.close()
            server.should_exit = True
            await task

    return serving


async def test_a_head_has_its_time_however_it_drips(serve: Serve) -> None:
    async with serve(head=1) as (_, connect):
        client = await connect()
        drips = 0

        async def drip() -> None:
            nonlocal drips
            await client.send(HALF)
            while True:
                await client.send(b"x")
                drips += 1
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert await client.status() == b"HTTP/1.1 408 Request Timeout"
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        assert drips > 3


async def test_a_second_head_has_its_time_too_and_silence_gets_no_answer(serve: Serve) -> None:
    async with serve(head=1) as (_, connect):
        second, silent = await connect(), await connect()
        assert await second.ask() == b"HTTP/1.1 200 OK"
        await second.reader.readuntil(b"ok")
        await second.send(HALF)
        assert await second.status() in (b"HTTP/1.1 408 Request Timeout", b"")
        assert await silent.rest() == b""


async def test_a_body_has_its_time_and_the_application_sees_the_end(serve: Serve) -> None:
    async with serve(body=1) as (app, connect):
        client = await connect()
        await client.send(HEAD + b"x" * 10)
        assert await client.status() == b"HTTP/1.1 408 Request Timeout"
        await client.rest()
        await asyncio.wait_for(app.gone.wait(), 30)


async def test_who_brings_enough_may_take_long(serve: Serve) -> None:
    async with serve(body=1) as (app, connect):
        client = await connect()
        await client.send(HEAD)
        for _ in range(20):
            await client.send(b"x" * 5000)
            await asyncio.sleep(0.1)
        assert await client.status() == b"HTTP/1.1 200 OK"
        assert app.read == 100_000


async def test_nobody_pays_for_an_application_that_takes_long(serve: Serve) -> None:
    async with serve(head=1.5, body=1.5) as (app, connect):
        client, late = await connect(), await connect()
        await client.send(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n")
        body = (
            b"POST /late HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
        )
        await late.send(body)
        assert await late.status() == b"HTTP/1.1 100 Continue"
        await late.send(b"body")
        await late.reader.readline()
        assert await late.status() == b"HTTP/1.1 200 OK"
        app.go.set()
        assert await client.status() == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("begun", [HALF, HEAD, b""], ids=["half a head", "no body", "nothing"])
async def test_who_keeps_the_server_waiting_makes_room(
    serve: Serve, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_BODY_PATIENCE", 1.0)
    async with serve(most=16) as (_, connect):
        slow = [await connect() for _ in range(16)]
        for client in slow:
            await client.send(begun)
        await asyncio.sleep(2.5)
        for _ in range(20):
            # more of them than there is room for
            client = await connect()
            assert await client.ask() == b"HTTP/1.1 200 OK"
            client.writer.close()


async def test_who_waits_for_an_answer_keeps_the_place_and_others_get_a_503(serve: Serve) -> None:
    async with serve(most=16) as (app, connect):
        busy = [await connect() for _ in range(16)]
        for client in busy:
            await client.send(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n")
        async with asyncio.timeout(60):
            while app.waiting < 16:  # noqa: ASYNC110 (it is a number)
                await asyncio.sleep(0.02)
        for _ in range(3):
            refused = await connect()
            assert await refused.ask() == b"HTTP/1.1 503 Service Unavailable"
            rest = await refused.rest()
            assert b"retry-after: 5\r\n" in rest
            assert rest.endswith(b'no connection left. Please try again in a moment."}')
        app.go.set()
        assert {await client.status() for client in busy} == {b"HTTP/1.1 200 OK"}
        for client in busy:
            client.writer.close()
        async with asyncio.timeout(60):
            while await (await connect()).ask() != b"HTTP/1.1 200 OK":  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@contextmanager
def files_limited_to(most: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_connections_stay_below_the_file_limit() -> None:
    with files_limited_to(1024):
        assert connections_below_file_limit(0.75) == 768
        limits = ConnectionLimits(60, 60, connections_below_file_limit(0.75))
    assert limits.connections + limits.refusals == 864
