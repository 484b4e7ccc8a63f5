"""What the bridge adds to one request, in microseconds of processor time: `python -m benchmarks.bridge_dispatch`.

In one process, without a network and with stacks that answer at once, so that it can be measured on a
machine that does other things: the port alone and through the bridge, a Flask application in a bare a2wsgi
mount and through the bridge. All take turns; the best of many turns counts. What it says is a part of the
truth: between two real requests the caches forget the bridge, and the same code takes a few times as long
(`benchmarks.bridge_overhead` measures that).
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path

import click
import flask
from a2wsgi import WSGIMiddleware
from rich.console import Console
from rich.table import Table
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legacy_bridge.bridge import BridgeOptions, Stacks, create_bridge
from legacy_bridge.flask_fastapi import Ported
from legacy_bridge.operations.census import rules_of_flask
from legacy_bridge.operations.operation import Mode
from legacy_bridge.stacks.in_process import InProcessLegacy

PATH = "/thing/0123456789abcdef/status/"
RULE = "/thing/<string:idx>/status/"
_RULES = ("/thing/", "/thing/<string:idx>/", RULE, "/other/<int:idx>/", "/other/<int:idx>/data/")
_BODY = b'{"state": 1}'
_HEADERS = [
    (b"host", b"localhost"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"user-agent", b"benchmark"),
    (b"authorization", b"Bearer " + b"x" * 200),
]


async def port(scope: Scope, receive: Receive, send: Send) -> None:
    """Says the same whatever it is asked."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"12")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY, "more_body": False})


def legacy() -> flask.Flask:
    app = flask.Flask("dispatch")
    for rule in _RULES:
        app.add_url_rule(rule, rule, lambda **_: flask.Response(_BODY, mimetype="application/json"))
    return app


def ways(folder: Path) -> dict[str, ASGIApp]:
    """What is measured, each with what it is compared with before it."""
    app = legacy()
    rules = rules_of_flask(app, guarded=lambda view, method: False)

    def bridge(mode: Mode) -> ASGIApp:
        # Not started, so nothing runs beside: the modes are the default, and counts are not written.
        stacks = Stacks(
            ported=port,
            legacy=InProcessLegacy(app),
            rules=rules,
            ported_operations=[Ported("GET", rule, rule, guarded=False) for rule in _RULES],
        )
        options = BridgeOptions(default_mode=mode)
        return create_bridge(stacks, f"sqlite:///{folder}/modes.db", options)

    # The adapter types the messages of ASGI more closely than Starlette does.
    bare: ASGIApp = WSGIMiddleware(app, workers=15)  # type: ignore[arg-type,assignment]
    return {
        "port alone": port,
        "ported, through the bridge": bridge(Mode.PORTED),
        "bare mount": bare,
        "legacy, through the bridge": bridge(Mode.LEGACY),
    }


def scope() -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": [*_HEADERS],
        "state": {},
    }


async def measure(wanted: dict[str, ASGIApp], turns: int) -> dict[str, float]:
    """Seconds of processor time, of all threads, for one request."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise click.ClickException(f"a request was answered {message['status']}")

    best = dict.fromkeys(wanted, float("inf"))
    for _ in range(turns):
        for name, app in wanted.items():
            requests = 500 if "port" in name else 100
            began = time.process_time()
            for _ in range(requests):
                await app(scope(), receive, send)
            best[name] = min(best[name], (time.process_time() - began) / requests)
    return best


@click.command(help=__doc__)
@click.option("--turns", default=40, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print microseconds by name.")
def main(turns: int, as_json: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(measure(ways(Path(folder)), turns))
    micro = {name: round(seconds * 1e6, 1) for name, seconds in measured.items()}
    if as_json:
        click.echo(json.dumps(micro))
        return
    table = Table(title="Processor time of one request, µs")
    for heading in ("way", "takes", "the bridge adds"):
        table.add_column(heading)
    names = list(micro)
    for plain, bridged in zip(names[::2], names[1::2], strict=True):
        table.add_row(plain, f"{micro[plain]:.1f}", "")
        table.add_row(bridged, f"{micro[bridged]:.1f}", f"{micro[bridged] - micro[plain]:+.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
