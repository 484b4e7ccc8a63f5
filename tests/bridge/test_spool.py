"""Bodies wait in memory, then on disk, in order and complete."""

import asyncio
import hashlib
import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from legacy_bridge.stacks.spool import BODY, SpooledBody, SpoolReply, SpoolRequest, SpoolRoom

SCOPE: Scope = {"type": "http", "headers": [(b"transfer-encoding", b"chunked")]}


def receiver(messages: Iterable[Message]) -> Receive:
    waiting = iter([*messages, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(waiting)

    return receive


def pieces(*bodies: bytes) -> list[Message]:
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": True} for body in bodies
    ]
    messages[-1]["more_body"] = False
    return messages


async def nowhere(message: Message) -> None:
    return None


@pytest.mark.parametrize("memory", [10, 10_000_000], ids=["on disk", "in memory"])
@pytest.mark.parametrize("sizes", [[0], [5], [5, 0, 7], [300_000] * 9, [2_000_000, 1]])
async def test_the_whole_request_is_there_before_the_app(memory: int, sizes: list[int]) -> None:
    bodies = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body: SpooledBody = scope[BODY]
        seen["file"] = body.file.read()
        body.file.seek(0)
        read = b""
        while True:
            message = await receive()
            read += message["body"]
            if not message["more_body"]:
                break
        seen["read"], seen["headers"], seen["size"] = read, scope["headers"], body.size
        seen["after"] = await receive()

    await SpoolRequest(app, memory=memory)(SCOPE, receiver(pieces(*bodies)), nowhere)
    whole = b"".join(bodies)
    assert seen["file"] == seen["read"] == whole
    assert seen["headers"] == [(b"content-length", str(len(whole)).encode())]
    assert seen["after"] == {"type": "http.disconnect"}


async def test_an_upload_that_breaks_off_never_reaches_the_app() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the app must not see half a request")

    half = {"type": "http.request", "body": b"half", "more_body": True}
    await SpoolRequest(app)(SCOPE, receiver([half]), nowhere)
    await SpoolRequest(app)(SCOPE, receiver([]), nowhere)


async def test_an_upload_that_stalls_is_answered_408() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the app must not wait")

    async def receive() -> Message:
        await asyncio.sleep(3600)
        raise AssertionError

    sent = []

    async def send(message: Message) -> None:
        sent.append(message)

    await SpoolRequest(app, idle_seconds=0.05)(SCOPE, receive, send)
    assert sent[0]["status"] == 408


def replying(bodies: list[bytes]) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for body in bodies:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        app.done.set()  # type: ignore[attr-defined]

    app.done = asyncio.Event()  # type: ignore[attr-defined]
    return app


@pytest.mark.parametrize("memory", [1, 1000, 10_000_000])
@pytest.mark.parametrize("pause", [0, 0.001])
async def test_the_reply_is_whole_and_in_order(memory: int, pause: float) -> None:
    bodies = [bytes([number % 251]) * (number * 37 % 5000) for number in range(200)]
    received = hashlib.sha256()
    kinds = []

    async def send(message: Message) -> None:
        await asyncio.sleep(pause)
        kinds.append((message["type"], message.get("more_body", False)))
        received.update(message.get("body", b""))

    await SpoolReply(replying(bodies), memory=memory)(SCOPE, receiver([]), send)
    assert received.digest() == hashlib.sha256(b"".join(bodies)).digest()
    assert kinds[0] == ("http.response.start", False)
    assert [index for index, kind in enumerate(kinds) if kind == ("http.response.body", False)] == [
        len(kinds) - 1
    ]


async def test_the_app_does_not_wait_for_a_slow_reader() -> None:
    app = replying([b"x" * 100_000] * 50)
    reading = asyncio.Event()

    async def send(message: Message) -> None:
        await reading.wait()

    call = asyncio.create_task(SpoolReply(app, memory=1000)(SCOPE, receiver([]), send))
    await asyncio.wait_for(app.done.wait(), 60)
    assert not call.done()
    reading.set()
    await asyncio.wait_for(call, 60)


@pytest.mark.parametrize("error", [ConnectionResetError, RuntimeError])
async def test_when_the_client_is_gone_the_app_still_ends(error: type[Exception]) -> None:
    app = replying([b"x" * 100_000] * 50)
    count = itertools.count()

    async def send(message: Message) -> None:
        if next(count) == 3:
            raise error("gone")

    call = SpoolReply(app, memory=1000)(SCOPE, receiver([]), send)
    if issubclass(error, OSError):
        await call
    else:
        with pytest.raises(error):
            await call
    await asyncio.wait_for(app.done.wait(), 60)


async def test_an_app_that_fails_is_heard() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await SpoolReply(app)(SCOPE, receiver([]), nowhere)


async def test_bodies_on_disk_are_counted_and_bounded() -> None:
    room = SpoolRoom(2_500)
    held, statuses = [], []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        held.append(room.held)
        if len(held) == 1:
            # a second one while the first is on disk
            await spool(SCOPE, receiver(pieces(b"x" * 1000, b"x" * 1000)), take)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def take(message: Message) -> None:
        statuses.append((message.get("status"), dict(message.get("headers", ()))))

    spool = SpoolRequest(app, memory=10, room=room)
    await spool(SCOPE, receiver(pieces(b"x" * 1000, b"x" * 500)), take)
    assert held == [1500]
    assert [status for status, _ in statuses if status] == [503, 200]
    assert statuses[0][1][b"retry-after"] == b"10"
    assert (room.held, room.refused) == (0, 1)
    # what says how long it is is refused before it is read
    said: Scope = {"type": "http", "headers": [(b"content-length", b"3000")], "http_version": "1.1"}
    await spool(said, receiver([]), take)
    assert (statuses[-2][0], room.refused) == (503, 2)
    # what breaks off gives its room back, and so does what is whole
    half = {"type": "http.request", "body": b"x" * 1000, "more_body": True}
    await spool(SCOPE, receiver([half]), take)
    await spool(SCOPE, receiver(pieces(b"x" * 2000, b"x" * 500)), take)
    assert (held[-1], room.held, room.refused) == (2500, 0, 2)


async def test_without_room_a_reply_is_as_slow_as_its_client_and_whole() -> None:
    bodies = [bytes([number]) * 1000 for number in range(100)]
    room = SpoolRoom(20_000)
    received = hashlib.sha256()
    most = 0

    async def send(message: Message) -> None:
        nonlocal most
        await asyncio.sleep(0.001)
        most = max(most, room.held)
        received.update(message.get("body", b""))

    spool = SpoolReply(replying(bodies), memory=500, room=room)
    await asyncio.wait_for(spool(SCOPE, receiver([]), send), 60)
    assert received.digest() == hashlib.sha256(b"".join(bodies)).digest()
    assert (room.held, room.slowed) == (0, 1)
    assert 0 < most <= 20_000


async def test_without_room_an_app_ends_when_its_client_is_gone() -> None:
    app = replying([b"x" * 1000] * 100)
    room = SpoolRoom(5_000)

    async def send(message: Message) -> None:
        await asyncio.sleep(0.01)
        raise ConnectionResetError

    await SpoolReply(app, memory=500, room=room)(SCOPE, receiver([]), send)
    await asyncio.wait_for(app.done.wait(), 60)
    for _ in range(1000):
        if room.held == 0:
            break
        await asyncio.sleep(0.01)
    assert room.held == 0
