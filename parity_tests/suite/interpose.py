"""Stands between a suite's HTTP clients and its Flask application.

The place is `Flask.__call__`, the WSGI application itself: the test client, Flask-Testing's classes and
a live server all end there, so that replies, cookies, redirects and JSON stay the suite's own.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import threading
from collections.abc import Callable, Hashable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from weakref import finalize

import httpx

from parity_tests.model import Side
from parity_tests.suite.doubles import Doubles
from parity_tests.suite.events import Recorder
from parity_tests.suite.portal import Portal, RunningPort
from parity_tests.suite.session import database_url, settled
from parity_tests.suite.target import Target

_SAFE = "/:@!$&'()*+,;=~-._"
_PRESERVE = "werkzeug.debug.preserve_context"


class Interposer:
    """Answers the requests to the legacy by the chosen stack, and tells the recorder of each."""

    def __init__(self, target: Target, stack: Side, recorder: Recorder, doubles: Doubles) -> None:
        self._target = target
        self._stack = stack
        self._recorder = recorder
        self._doubles = doubles
        self._portal: Portal | None = None
        self._ports: dict[tuple[int, Hashable], tuple[RunningPort, Any]] = {}
        self._inherited: list[Any] = []
        self._lock = threading.Lock()

    def install(self) -> Callable[[], None]:
        flask_class: Any = importlib.import_module("flask").Flask
        original = flask_class.__call__

        def call(flask_app: Any, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            if not self._target.has(flask_app.import_name):
                self._recorder.write("stranger", name=flask_app.import_name)
                return original(flask_app, environ, start)  # type: ignore[no-any-return]
            answer = original if self._stack is Side.LEGACY else self._by_port
            return self._observed(answer, flask_app, environ, start)

        flask_class.__call__ = call

        def undo() -> None:
            flask_class.__call__ = original

        return undo

    def _observed(
        self, answer: Any, flask_app: Any, environ: dict[str, Any], start: Any
    ) -> Iterable[bytes]:
        status: int | None = None

        def started(line: str, *rest: Any) -> Any:
            nonlocal status
            status = int(line.split(" ", 1)[0])
            return start(line, *rest)

        before = self._doubles.before()
        try:
            return answer(flask_app, environ, started)  # type: ignore[no-any-return]
        finally:
            self._recorder.write(
                "request",
                method=environ["REQUEST_METHOD"],
                path=environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
                status=status,
                doubles=[vars(double) for double in self._doubles.after(before)],
            )

    def _by_port(self, flask_app: Any, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        request = _request(environ)
        port = self._port(flask_app)
        with settled(flask_app) as obstacle:
            if obstacle:
                self._recorder.write("note", text=obstacle)
            reply, body = port.send(request)
        if _PRESERVE in environ:
            # what `with client:` shows of the request; what a view put into `g` is not there
            environ[_PRESERVE](flask_app.request_context(environ))
        try:
            reason = HTTPStatus(reply.status_code).phrase
        except ValueError:
            reason = "UNKNOWN"
        headers = [
            (name.decode("latin-1").title(), value.decode("latin-1"))
            for name, value in reply.headers.raw
        ]
        start(f"{reply.status_code} {reason}", [_mounted(one, environ) for one in headers])
        return [body]

    def _port(self, flask_app: Any) -> RunningPort:
        """The port for what the application's settings are at this moment."""
        with self._lock:
            return self._made(flask_app)

    def _made(self, flask_app: Any) -> RunningPort:
        if self._portal is None or not self._portal.alive:
            # what a fork has copied can neither be used nor closed
            self._inherited.append(self._ports)
            self._ports = {}
            self._portal = Portal()
            # a forked live server ends without the hooks of the test process
            importlib.import_module("multiprocessing.util").Finalize(
                None, self.close, exitpriority=10
            )
        settings = self._target.settings_from(flask_app, database_url(flask_app))
        key = (id(flask_app), settings)
        if key not in self._ports:
            made = self._target.create_port(settings, flask_app)
            # the Flask app is kept, so that its id stays its own
            self._ports[key] = (RunningPort(made, self._portal), flask_app)
        return self._ports[key][0]

    def close(self) -> None:
        """Shuts down every port: nothing is cached from one test to the next."""
        for port, _ in self._ports.values():
            port.close()
        self._ports.clear()


def _request(environ: dict[str, Any]) -> httpx.Request:
    """The request of a WSGI environment, header by header."""
    # what lies below the mount point, as Flask's own router sees it
    path = environ.get("PATH_INFO", "")
    target = quote(path.encode("latin-1"), safe=_SAFE) or "/"
    if query := environ.get("QUERY_STRING"):
        target = f"{target}?{quote(query.encode('latin-1'), safe=_SAFE + '%?/')}"
    headers = [
        (name[5:].replace("_", "-").lower().encode(), str(value).encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    headers.extend(
        (name.replace("_", "-").lower().encode(), str(environ[name]).encode("latin-1"))
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if environ.get(name)
    )
    return httpx.Request(
        environ["REQUEST_METHOD"],
        httpx.URL(
            scheme=environ.get("wsgi.url_scheme", "http"),
            netloc=_host(environ).encode(),
            raw_path=target.encode(),
        ),
        headers=headers,
        stream=httpx.ByteStream(_body(environ)),
    )


def _mounted(header: tuple[str, str], environ: dict[str, Any]) -> tuple[str, str]:
    """A redirect to the port's own address leads below the mount point that the port knows nothing of."""
    script = environ.get("SCRIPT_NAME", "").rstrip("/")
    name, value = header
    if name != "Location" or not script:
        return header
    parts = urlsplit(value)
    if parts.netloc not in ("", _host(environ)) or not parts.path.startswith("/"):
        return header
    return name, parts._replace(path=script + parts.path).geturl()


def _host(environ: dict[str, Any]) -> str:
    return str(environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "localhost"))


def _body(environ: dict[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return bytes(stream.read())
    length = environ.get("CONTENT_LENGTH")
    return bytes(stream.read(int(length))) if length else b""


_MEMORY = ("", ":memory:")


def give_files_to_memory_databases(folder: Path) -> Callable[[], None]:
    """Flask-SQLAlchemy's databases in memory live in one connection: the port needs a file instead."""
    try:
        extension: Any = importlib.import_module("flask_sqlalchemy").SQLAlchemy
    except ImportError:
        return lambda: None
    original = extension.init_app
    numbers = itertools.count(1)

    def init_app(self: Any, app: Any, *args: Any, **kwargs: Any) -> Any:
        uri = str(app.config.get("SQLALCHEMY_DATABASE_URI") or "")
        kind, _, name = uri.partition("://")
        if kind.partition("+")[0] == "sqlite" and name.lstrip("/").partition("?")[0] in _MEMORY:
            file = folder / f"memory-{next(numbers)}.db"
            app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{file}"
            finalize(app, _remove, file)
        return original(self, app, *args, **kwargs)

    extension.init_app = init_app

    def undo() -> None:
        extension.init_app = original

    return undo


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(OSError):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
