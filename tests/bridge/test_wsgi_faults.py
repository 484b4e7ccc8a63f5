"""Every fault of mounting a WSGI app, shown on the bare adapter and cured behind the bridge.

Each test runs twice: `bare` must show the fault, or the cure has lost its reason.
"""

import asyncio
import json
import socket
import threading
import time
from typing import Any, cast

import flask
import httpx
import pytest
from a2wsgi import WSGIMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.stacks.in_process import InProcessLegacy
from tests.bridge.conftest import MakeBridge, Serve
from tests.bridge.pair import Running, until

THREADS = 3


@pytest.fixture(params=["bare", "bridged"])
def bare(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "bare")


@pytest.fixture
def app(bare: bool, legacy_app: flask.Flask, make_bridge: MakeBridge) -> Any:
    if bare:
        return WSGIMiddleware(cast(Any, legacy_app), workers=THREADS)
    return make_bridge(threads=THREADS)


def reply_of(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of a reply with a Content-Length; nothing when the server closes."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data, b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += connection.recv(65536)
    return head, body


def test_row_1_a_chunked_body_arrives(app: ASGIApp, serve: Serve, bare: bool) -> None:
    chunks = iter([b"hello ", b"world"])
    reply = httpx.post(serve(app).url + "/echo/", content=chunks)
    assert reply.json() == (
        {"size": 0, "start": ""} if bare else {"size": 11, "start": "hello world"}
    )


def test_row_1_an_upload_cut_short_is_not_taken_for_a_whole_one(
    app: ASGIApp, serve: Serve, bare: bool, legacy_app: flask.Flask
) -> None:
    server = serve(app)
    with server.connect() as connection:
        connection.sendall(b"POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
        time.sleep(0.3)
        calls = legacy_app.extensions["seen"].calls
        if bare:
            # The adapter has begun; Werkzeug then notices by itself.
            until(lambda: calls == ["POST /echo/"])
    server.wait_until_idle()
    # Behind the bridge nothing begins.
    assert calls == (["POST /echo/"] if bare else [])


def test_row_2_slow_uploads_hold_no_thread(app: ASGIApp, serve: Serve, bare: bool) -> None:
    server = serve(app)
    slow = [server.connect() for _ in range(THREADS + 2)]
    try:
        for connection in slow:
            connection.sendall(b"POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        time.sleep(0.3)
        if bare:
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(server.url + "/thing/deployed/", timeout=1)
        else:
            assert httpx.get(server.url + "/thing/deployed/", timeout=60).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_row_2_slow_readers_hold_no_thread(app: ASGIApp, serve: Serve, bare: bool) -> None:
    server = serve(app)
    slow = [server.connect() for _ in range(THREADS + 2)]
    try:
        for connection in slow:
            connection.sendall(b"GET /big/400/ HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.5)
        if bare:
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(server.url + "/thing/deployed/", timeout=1)
        else:
            assert httpx.get(server.url + "/thing/deployed/", timeout=60).status_code == 200
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize("root", ["", "/api"])
def test_row_7_the_mount_is_where_the_server_says(
    app: ASGIApp, serve: Serve, bare: bool, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPT_NAME", "/elsewhere")
    known = httpx.get(serve(app, root_path=root).url + "/environ/").json()
    assert known["SCRIPT_NAME"] == ("/elsewhere" if bare else root)
    assert known["PATH_INFO"] == "/environ/"


async def test_row_7_a_root_path_is_no_text_prefix(bare: bool, legacy_app: flask.Flask) -> None:
    seen: dict[str, str] = {}

    def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
        seen.update(path=environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b""]

    mounted: Any = WSGIMiddleware(cast(Any, wsgi)) if bare else InProcessLegacy(wsgi)
    await call(mounted, path="/apiv2/x", root_path="/api")
    assert seen["path"] == ("v2/x" if bare else "/apiv2/x")


async def call(app: ASGIApp, **changes: Any) -> list[Message]:
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "http_version": "2",
        "scheme": "http",
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
        **changes,
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def answer(app: ASGIApp, **changes: Any) -> Any:
    sent = await call(app, **changes)
    return json.loads(b"".join(message.get("body", b"") for message in sent))


async def started(app: Any, bare: bool) -> Any:
    """A bridge needs its modes; the lifespan would bring them."""
    if not bare:
        await app.ownership.read()
    return app


async def test_row_12_cookies_of_http_2(app: Any, bare: bool) -> None:
    await started(app, bare)
    headers = [(b"cookie", b"a=1"), (b"cookie", b"b=2")]
    known = await answer(app, path="/environ/", headers=headers)
    assert known["cookies"] == ({"a": "1,b=2"} if bare else {"a": "1", "b": "2"})


def test_row_13_underscores_spoof_nothing(app: ASGIApp, serve: Serve, bare: bool) -> None:
    headers = {"X-Role": "viewer", "X_Role": "admin"}
    known = httpx.get(serve(app).url + "/environ/", headers=headers).json()
    assert known["HTTP_X_ROLE"] == ("viewer,admin" if bare else "viewer")


async def test_row_14_a_client_that_goes_away_frees_its_thread(
    app: Any, bare: bool, legacy_app: flask.Flask
) -> None:
    await started(app, bare)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        raise ConnectionResetError("gone")

    scope: Scope = {
        "type": "http", "method": "GET", "path": "/big/50/", "raw_path": b"/big/50/", "headers": [],
        "query_string": b"", "http_version": "1.1", "scheme": "http", "state": {},
    }  # fmt: skip
    call = asyncio.create_task(app(scope, receive, send))
    await asyncio.wait([call], timeout=1)
    calls = legacy_app.extensions["seen"].calls
    for turn in range(600):
        # The bare adapter gets two seconds, in which nothing may come.
        if "big is done" in calls or (bare and turn > 20):
            break
        await asyncio.sleep(0.1)
    assert calls.count("big is done") == (0 if bare else 1)
    if bare:
        # Free the thread the adapter has lost, or the interpreter would wait for it at its end.
        call.cancel()
        await free_lost_threads()


async def free_lost_threads() -> None:
    """Reads the queue that nobody reads any more."""
    import gc

    from a2wsgi.wsgi import WSGIResponder

    for _ in range(6000):
        for responder in [one for one in gc.get_objects() if isinstance(one, WSGIResponder)]:
            while not responder.send_queue.empty():
                responder.send_queue.get_nowait()
        await asyncio.sleep(0.01)
        if not any(t.name.startswith("WSGI") and is_waiting(t) for t in threading.enumerate()):
            return


def is_waiting(thread: threading.Thread) -> bool:
    import sys

    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code.co_name == "send":
            return True
        frame = frame.f_back
    return False


async def test_row_15_context_comes_back_through_the_scope(app: Any, bare: bool) -> None:
    await started(app, bare)
    state: dict[str, Any] = {}
    found = await answer(
        app, path="/context/", headers=[(b"x-request-id", b"trace-7")], state=state
    )
    assert found == {"request_id": "trace-7"}
    assert state == {"from_the_view": "seen"}


async def test_a_query_of_any_bytes_reaches_the_legacy(app: Any, bare: bool) -> None:
    await started(app, bare)
    query = "x=é".encode()
    if bare:
        with pytest.raises(UnicodeDecodeError):
            await answer(app, path="/environ/", query_string=query)
    else:
        known = await answer(app, path="/environ/", query_string=query)
        assert known["args"] == {"x": "é"}


def test_a_limited_readline_reads_on(app: ASGIApp, serve: Serve, bare: bool) -> None:
    reply = httpx.post(serve(app).url + "/lines/", content=b"one\ntwo\nthree\n")
    assert reply.json()["lines"] == (["", "", ""] if bare else ["one\n", "two\n", "three\n"])


def test_forms_with_files_arrive(make_bridge: MakeBridge, serve: Serve) -> None:
    content = b"line\r\n" * 500_000
    reply = httpx.post(serve(make_bridge()).url + "/upload/", files={"file": ("a.txt", content)})
    assert reply.json() == {"name": "a.txt", "size": len(content)}


def test_expect_100_continue(make_bridge: MakeBridge, serve: Serve) -> None:
    server = serve(make_bridge())
    for path in (b"/echo/", b"/thing/"):
        with server.connect() as connection:
            connection.sendall(
                b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                b"Expect: 100-continue\r\n\r\n"
            )
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue")
            connection.sendall(b"hello")
            head, body = reply_of(connection)
            assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))
            assert b"5" in body


def test_a_reply_that_breaks_is_cut_not_ended(make_bridge: MakeBridge, serve: Serve) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(serve(make_bridge()).url + "/breaks/")


def test_too_few_threads_is_a_503_with_words(
    legacy_app: flask.Flask, make_bridge: MakeBridge, serve: Serve
) -> None:
    holds, may_end = threading.Event(), threading.Event()

    @legacy_app.get("/hold/")
    def hold() -> str:
        holds.set()
        may_end.wait(60)
        return "done"

    legacy = InProcessLegacy(legacy_app, threads=1, wait_seconds=0.1)
    server: Running = serve(make_bridge(legacy=legacy))
    busy = threading.Thread(target=httpx.get, args=(server.url + "/hold/",))
    busy.start()
    try:
        assert holds.wait(60)
        reply = httpx.get(server.url + "/thing/deployed/")
    finally:
        may_end.set()
    assert (reply.status_code, reply.headers["x-served-by"]) == (503, "legacy")
    assert "busy" in reply.json()["error"]
    busy.join()
    server.wait_until_idle()
    assert httpx.get(server.url + "/thing/deployed/").status_code == 200


async def test_websockets_are_refused(make_bridge: MakeBridge) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    receive_: Receive = receive
    send_: Send = send
    await make_bridge()({"type": "websocket", "path": "/thing/", "headers": []}, receive_, send_)
    assert [message["type"] for message in sent] == ["websocket.close"]
