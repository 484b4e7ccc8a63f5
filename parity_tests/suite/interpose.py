"""Stands between a suite's HTTP clients and its Flask application.

The place is `Flask.__call__`, the WSGI application itself: the test client, Flask-Testing's classes and
a live server all end there, so that replies, cookies, redirects and JSON stay the suite's own.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Hashable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from parity_core.model import Side
from parity_tests.suite.doubles import Doubles
from parity_tests.suite.events import Double, EventRecorder
from parity_tests.suite.portal import Portal, RunningPort
from parity_tests.suite.session import database_url, settled
from parity_tests.suite.target import SuiteTarget
from parity_tests.suite.views import view_of_suite
from parity_tests.suite.wsgi import mounted, request_of

_PRESERVE = "werkzeug.debug.preserve_context"


class Interposer:
    """Answers the requests to the legacy by the chosen stack, and tells the recorder of each."""

    def __init__(
        self,
        target: SuiteTarget,
        stack: Side,
        recorder: EventRecorder,
        doubles: Doubles,
        root: Path,
    ) -> None:
        """``root`` is where the suite lies."""
        self._root = root
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
            own = view_of_suite(flask_app, environ, self._target, self._root)
            if own or not self._target.has(flask_app.import_name):
                self._recorder.write("stranger", name=own or flask_app.import_name)
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

        doubles: list[Double] = []
        try:
            with self._doubles.watched() as doubles:
                return answer(flask_app, environ, started)  # type: ignore[no-any-return]
        finally:
            self._recorder.write(
                "request",
                method=environ["REQUEST_METHOD"],
                path=environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
                status=status,
                doubles=[vars(double) for double in doubles],
            )

    def _by_port(self, flask_app: Any, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        request = request_of(environ)
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
        start(f"{reply.status_code} {reason}", [mounted(one, environ) for one in headers])
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
        settings = self._target.settings_from(
            flask_app, (self._target.database_url or database_url)(flask_app)
        )
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
