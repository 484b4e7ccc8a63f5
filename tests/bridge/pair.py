"""A small pair of real applications: a Flask one, and its FastAPI port of some operations."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import flask
import uvicorn
from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from legacy_bridge.operations.census import rules_of_flask
from legacy_bridge.operations.operation import LegacyRule


@dataclass(frozen=True)
class Ported:
    method: str
    rule: str
    name: str = ""
    guarded: bool = False


PORTED = [
    Ported("GET", "/thing/"),
    Ported("POST", "/thing/"),
    Ported("GET", "/thing/<int:idx>/"),
    Ported("GET", "/fails/"),
]
"""What the port has: all of `/thing/`, one of the methods of `/thing/<int:idx>/`."""


@dataclass
class Seen:
    """What the legacy's views noticed."""

    calls: list[str] = field(default_factory=list)
    in_views: int = 0


def flask_app() -> flask.Flask:
    app = flask.Flask("legacy_of_the_tests")
    app.extensions["seen"] = seen = Seen()

    @app.before_request
    def note() -> None:
        seen.calls.append(f"{flask.request.method} {flask.request.path}")

    @app.get("/thing/")
    def things() -> dict[str, Any]:
        return {"by": "legacy", "things": []}

    @app.post("/thing/")
    def add_thing() -> Any:
        return {"by": "legacy", "got": flask.request.get_data(as_text=True)}, 201

    @app.route("/thing/<int:idx>/", methods=["GET", "PUT"])
    def thing(idx: int) -> dict[str, Any]:
        return {"by": "legacy", "idx": idx, "method": flask.request.method}

    @app.get("/thing/deployed/")
    def deployed() -> dict[str, Any]:
        return {"by": "legacy", "deployed": True}

    @app.get("/fails/")
    def fails() -> dict[str, Any]:
        return {"by": "legacy"}

    @app.post("/echo/")
    def echo() -> Any:
        seen.in_views += 1
        data = flask.request.get_data()
        return {"size": len(data), "start": data[:20].decode("latin-1")}

    @app.post("/mirror/")
    def mirror() -> Any:
        return flask.Response(flask.request.get_data(), mimetype="application/json")

    @app.post("/lines/")
    def lines() -> Any:
        stream = flask.request.environ["wsgi.input"]
        return {"lines": [stream.readline(10).decode() for _ in range(3)]}

    @app.post("/upload/")
    def upload() -> Any:
        file = flask.request.files["file"]
        return {"name": file.filename, "size": len(file.read())}

    @app.get("/environ/")
    def environ() -> Any:
        known = flask.request.environ
        text = {key: value for key, value in known.items() if isinstance(value, str)}
        return text | {"cookies": dict(flask.request.cookies), "args": dict(flask.request.args)}

    @app.get("/big/<int:chunks>/")
    def big(chunks: int) -> Any:
        def make() -> Iterator[bytes]:
            for _ in range(chunks):
                yield b"x" * 65536
            seen.calls.append("big is done")

        return flask.Response(make(), mimetype="application/octet-stream")

    @app.get("/breaks/")
    def breaks() -> Any:
        def make() -> Iterator[bytes]:
            yield b"a beginning"
            raise RuntimeError("broken in the middle")

        return flask.Response(make(), mimetype="text/plain")

    @app.get("/sleep/<float:seconds>/")
    def sleep(seconds: float) -> dict[str, Any]:
        time.sleep(seconds)
        return {"by": "legacy"}

    @app.get("/context/")
    def context() -> dict[str, Any]:
        state = flask.request.environ["asgi.scope"]["state"]
        state["from_the_view"] = "seen"
        return {"request_id": flask.request.headers["X-Request-ID"]}

    return app


def ported_app() -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        app.state.events = ["started"]
        yield {"greeting": "from the lifespan"}
        app.state.events.append("stopped")

    app = FastAPI(lifespan=lifespan)

    @app.get("/thing/")
    async def things(request: Request) -> dict[str, Any]:
        return {
            "by": "ported",
            "things": [],
            "greeting": getattr(request.state, "greeting", None),
            "request_id": request.headers.get("x-request-id"),
        }

    @app.post("/thing/", status_code=201)
    async def add_thing(request: Request) -> dict[str, Any]:
        pieces = [len(piece) async for piece in request.stream()]
        return {"by": "ported", "got": sum(pieces), "pieces": len(pieces)}

    @app.get("/thing/{idx:int}/")
    async def thing(idx: int) -> dict[str, Any]:
        return {"by": "ported", "idx": idx}

    @app.get("/fails/")
    async def fails() -> dict[str, Any]:
        raise RuntimeError("a bug of the port")

    return app


def pair_rules(app: flask.Flask | None = None) -> list[LegacyRule]:
    return rules_of_flask(app or flask_app(), guarded=lambda view, method: False)


def until(reached: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for what happens by itself; the limit is for a machine that does much else."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@dataclass
class Running:
    server: uvicorn.Server
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_idle(self) -> None:
        """Until every request has come to its end: a client has its reply a little before."""
        until(lambda: not self.server.server_state.tasks)

    def connect(self, timeout: float = 60) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def raw(self, request: bytes) -> bytes:
        """All that comes back for these bytes."""
        with self.connect() as connection:
            connection.sendall(request)
            got = b""
            # a server that closes with bytes unread resets the connection
            with contextlib.suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    got += piece
            return got


@contextlib.contextmanager
def running(app: ASGIApp, **options: Any) -> Iterator[Running]:
    """The app under uvicorn on a thread, at a free port."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.01)
    try:
        yield Running(server, taken.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(60)
        taken.close()
        assert not thread.is_alive(), "the server did not stop"
