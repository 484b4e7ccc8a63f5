"""What the bridge's tests share: a bridge over the small pair."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import flask
import pytest
from fastapi import FastAPI
from werkzeug.serving import make_server

from legacy_bridge.bridge import BridgeOptions, Stacks, create_bridge
from legacy_bridge.operations.operation import Mode
from legacy_bridge.stacks.in_process import InProcessLegacy
from parity_tests.stage import process
from tests.bridge import operated
from tests.bridge.operated import Bug
from tests.bridge.pair import PORTED, Running, flask_app, pair_rules, ported_app, running

MakeBridge = Callable[..., FastAPI]
Serve = Callable[..., Running]
ServeOperated = Callable[..., Running]


@pytest.fixture
def legacy_app() -> flask.Flask:
    return flask_app()


@pytest.fixture
def modes_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'modes.db'}"


@pytest.fixture
def make_bridge(legacy_app: flask.Flask, modes_url: str) -> MakeBridge:
    """`make_bridge(**changes)`: a bridge over the pair, its ported operations in mode ported."""

    def make(threads: int = 4, **changes: Any) -> FastAPI:
        values: dict[str, Any] = {
            "ported": ported_app(),
            "rules": pair_rules(legacy_app),
            "ported_operations": PORTED,
            "database_url": modes_url,
            "default_mode": Mode.PORTED,
            **changes,
        }
        if "legacy" not in values:
            values["legacy"] = InProcessLegacy(legacy_app, threads=threads, wait_seconds=60)
        modes = values.pop("database_url")
        stacks = {one.name: values.pop(one.name) for one in fields(Stacks) if one.name in values}
        return create_bridge(Stacks(**stacks), modes, BridgeOptions(**values))

    return make


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(app)`: under uvicorn until the test ends."""
    with ExitStack() as stack:
        yield lambda app, **options: stack.enter_context(running(app, **options))


@pytest.fixture
def upstream(legacy_app: flask.Flask) -> Iterator[str]:
    """The Flask app on Werkzeug's own threaded server."""
    server = make_server("127.0.0.1", 0, legacy_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def free_port() -> int:
    return process.free_port()


@pytest.fixture
def serve_operated(make_bridge: MakeBridge, serve: Serve) -> ServeOperated:
    """`serve_operated(bug, **changes)`: the pair of `operated`, all of it the legacy's at first."""

    def start(bug: Bug | None = None, **changes: Any) -> Running:
        bug = bug or Bug()
        app = operated.flask_app(bug)
        defaults = {
            **operated.options(bug),
            "rules": pair_rules(app),
            "default_mode": Mode.LEGACY,
            "legacy": InProcessLegacy(app),
        }
        return serve(make_bridge(**{**defaults, **changes}))

    return start
