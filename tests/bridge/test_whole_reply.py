"""Short replies of the legacy leave its thread in one piece; what the client gets is the same."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from starlette.types import Message, Scope

from legacy_bridge.stacks.in_process import InProcessLegacy
from legacy_bridge.stacks.whole_reply import LONGEST

Start = Callable[..., Callable[[bytes], object]]
Environ = dict[str, Any]


class Pieces:
    """An iterable that says when it is closed, and may fail."""

    def __init__(self, *pieces: bytes | Exception, closing: Exception | None = None) -> None:
        self.pieces, self.closing, self.closed = pieces, closing, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.closed += 1
        if self.closing is not None:
            raise self.closing


async def ask(app: Callable[..., Iterable[bytes]], **changes: Any) -> list[Message]:
    """Every message of the reply; what the app raises is raised, the messages are its notes."""
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [],
        **changes,
    }
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    legacy = InProcessLegacy(app, threads=1)
    try:
        async with asyncio.timeout(60):
            await legacy(scope, receive, send)
    except Exception as error:
        error.add_note(repr([message["type"] for message in said]))
        raise
    finally:
        await legacy.shutdown()
    return said


def saying(body: Iterable[bytes], *headers: tuple[str, str], status: str = "200 OK") -> Any:
    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        start_response(status, list(headers))
        return body

    return app


def body_of(said: list[Message]) -> bytes:
    return b"".join(message["body"] for message in said[1:])


async def test_a_short_reply_is_one_piece() -> None:
    pieces = Pieces(b"ab", b"", b"c")
    app = saying(pieces, ("Content-Length", "3"), ("X-Twice ", "a"), ("X-Twice", "b"), status="201")
    start, body = await ask(app)
    assert start["status"] == 201
    assert start["headers"] == [(b"content-length", b"3"), (b"x-twice", b"a"), (b"x-twice", b"b")]
    assert (body["body"], body["more_body"]) == (b"abc", False)
    assert pieces.closed == 1


@pytest.mark.parametrize(
    "headers", [[], [("Content-Length", str(LONGEST + 1))], [("Content-Length", "many")]]
)
async def test_other_replies_pass_piece_by_piece(headers: list[tuple[str, str]]) -> None:
    pieces = Pieces(b"ab", b"c")
    said = await ask(saying(pieces, *headers))
    assert [message["body"] for message in said[1:]] == [b"ab", b"c", b""]
    assert pieces.closed == 1


async def test_an_app_that_begins_when_it_is_asked_for_a_piece() -> None:
    def app(environ: Environ, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        yield b"ab"

    said = await ask(app)
    assert said[0]["status"] == 200
    assert body_of(said) == b"ab"


async def test_what_is_written_comes_before_what_is_returned() -> None:
    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Length", "4")])
        write(b"ab")
        return [b"cd"]

    assert body_of(await ask(app)) == b"abcd"


async def test_the_answer_to_head_keeps_its_length() -> None:
    start, body = await ask(saying([], ("Content-Length", "77")), method="HEAD")
    assert (b"content-length", b"77") in start["headers"]
    assert body["body"] == b""


async def test_an_app_that_fails_half_way_has_said_nothing() -> None:
    pieces = Pieces(b"a", RuntimeError("half way"))
    with pytest.raises(RuntimeError, match="half way") as raised:
        await ask(saying(pieces, ("Content-Length", "2")))
    assert raised.value.__notes__ == ["[]"], "so the client can be told that it failed"
    assert pieces.closed == 1


async def test_a_failure_after_the_reply_does_not_take_it_back() -> None:
    pieces = Pieces(b"ab", closing=RuntimeError("teardown"))
    with pytest.raises(RuntimeError, match="teardown") as raised:
        await ask(saying(pieces, ("Content-Length", "2")))
    assert raised.value.__notes__ == ["['http.response.start', 'http.response.body']"]


async def test_an_error_page_replaces_the_reply() -> None:
    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        try:
            raise ValueError("found out late")
        except ValueError as error:
            told = type(error), error, error.__traceback__
            start_response("500 Oops", [("Content-Length", "4")], told)
        return [b"oops"]

    with pytest.raises(ValueError, match="late") as raised:
        await ask(app)
    assert raised.value.__notes__ == [repr(["http.response.start", *["http.response.body"] * 2])]


@pytest.mark.parametrize(
    ("version", "headers", "waits"),
    [
        ("1.1", [], False),
        ("1.1", [(b"content-length", b"0")], False),
        ("1.1", [(b"content-length", b"2")], True),
        ("1.1", [(b"transfer-encoding", b"chunked")], True),
        ("2", [], True),
    ],
)
async def test_a_body_is_waited_for_where_there_may_be_one(
    version: str, headers: list[tuple[bytes, bytes]], waits: bool
) -> None:
    asked = 0

    async def receive() -> Message:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"ab", "more_body": False}

    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    def echo(environ: Environ, start_response: Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    legacy = InProcessLegacy(echo, threads=1)
    scope: Scope = {
        "type": "http", "http_version": version, "method": "POST", "path": "/",
        "query_string": b"", "headers": headers,
    }  # fmt: skip
    await legacy(scope, receive, send)
    await legacy.shutdown()
    assert (asked, body_of(said)) == ((1, b"ab") if waits else (0, b""))
