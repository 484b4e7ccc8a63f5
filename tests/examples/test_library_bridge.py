"""The bridge before a Flask app that has nothing to do with Cornflow: `examples/library/bridge.py`."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from legacy_bridge.flask_fastapi import operations_of_fastapi
from legacy_bridge.operations.census import rules_of_flask
from parity_tests.stage.process import free_port
from tests.examples.conftest import LIBRARY, Library

TOKEN = {"Authorization": "Bearer the-operators-token"}


FAULTY = """
from dataclasses import replace

import bridge


def assemble():
    made = bridge.assemble()

    async def without_titles(scope, receive, send):
        async def changed(message):
            if scope["path"] == "/books" and message["type"] == "http.response.body":
                message = {**message, "body": message["body"].replace(b'"title"', b'"tilte"')}
            await send(message)

        await made.ported(scope, receive, changed if scope["type"] == "http" else send)

    return replace(made, ported=without_titles)
"""


@pytest.fixture
def bridge(library: Library, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A client of the served bridge, over a seeded database."""
    (library.folder / "faulty.py").write_text(FAULTY)
    environment = {
        **os.environ,
        "PYTHONPATH": str(library.folder),
        "DATABASE_URL": f"sqlite:///{library.folder}/library.db",
        "CUTOVER_ASSEMBLY": getattr(request, "param", "bridge:assemble"),
        "CUTOVER_TOKEN": "the-operators-token",
    }
    assert library.run("seed", **environment).returncode == 0
    port = free_port()
    words = [sys.executable, "-m", "legacy_bridge.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(words, env=environment, cwd=library.folder)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            deadline = time.monotonic() + 120
            while True:
                assert process.poll() is None, "the bridge ended"
                assert time.monotonic() < deadline
                try:
                    client.get("/_cutover/health")
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(60)


def test_it_takes_less_than_twenty_lines() -> None:
    assert len((LIBRARY / "bridge.py").read_text().splitlines()) < 20


def test_an_operation_is_moved_while_it_is_served(bridge: httpx.Client) -> None:
    credentials = {"email": "ann@library.example", "password": "Ann-pw"}
    login = bridge.post("/login", json=credentials)
    assert login.headers["x-served-by"] == "legacy"
    mine = {"Authorization": f"Bearer {login.json()['token']}"}
    before = bridge.get("/books?limit=2", headers=mine)
    assert (before.status_code, before.headers["x-served-by"]) == (200, "legacy")

    change = {"operation": "GET /books", "mode": "ported", "by": "ann", "why": "to see it"}
    assert bridge.put("/_cutover/mode", json=change).status_code == 401
    assert bridge.put("/_cutover/mode", json=change, headers=TOKEN).status_code == 200

    after = bridge.get("/books?limit=2", headers=mine)
    assert (after.status_code, after.headers["x-served-by"]) == (200, "ported")
    assert after.json() == before.json()
    assert after.headers["x-total-count"] == before.headers["x-total-count"]
    # what was not moved stays, also on the same rule
    assert bridge.post("/books", json={}, headers=mine).headers["x-served-by"] == "legacy"

    change["mode"] = "legacy"
    assert bridge.put("/_cutover/mode", json=change, headers=TOKEN).status_code == 200
    assert bridge.get("/books", headers=mine).headers["x-served-by"] == "legacy"


@pytest.mark.parametrize(
    ("bridge", "mode", "different"),
    [("bridge:assemble", "shadow", 0), ("faulty:assemble", "shadow", 3)],
    indirect=["bridge"],
)
def test_reads_are_compared_and_writes_are_not(
    bridge: httpx.Client, mode: str, different: int
) -> None:
    credentials = {"email": "ann@library.example", "password": "Ann-pw"}
    mine = {"Authorization": f"Bearer {bridge.post('/login', json=credentials).json()['token']}"}
    change = {"operation": "*", "mode": mode, "by": "ann", "why": "to see it"}
    assert bridge.put("/_cutover/mode", json=change, headers=TOKEN).status_code == 200
    for _ in range(3):
        reply = bridge.get("/books", headers=mine)
        assert "title" in reply.json()[0], "the client does not meet the bug"
    assert bridge.post("/books", json={}, headers=mine).headers["x-served-by"] == "legacy"

    def told() -> dict[str, int]:
        counted = {}
        for line in bridge.get("/_cutover/metrics", headers=TOKEN).text.splitlines():
            if line.startswith("cutover_comparisons_total{") and "/books" in line:
                name, _, value = line.rpartition(" ")
                counted[name.partition("{")[2]] = int(float(value))
        return counted

    deadline = time.monotonic() + 120
    while sum(counted := told().values()) < 4 and time.monotonic() < deadline:
        time.sleep(0.2)
    by_verdict: dict[str, int] = {}
    for name, count in told().items():
        verdict = name.partition('result="')[2].partition('"')[0]
        by_verdict[verdict] = by_verdict.get(verdict, 0) + count
    expected = {"different": different} if different else {"same": 3}
    assert by_verdict == {**expected, "not comparable": 1}, counted
    # evidence is written from time to time
    examples: list[Any] = []
    while different and not examples and time.monotonic() < deadline:
        examples = bridge.get("/_cutover/examples", headers=TOKEN).json()["examples"]
        time.sleep(0.2)
    assert ("'body/0/title'" in str(examples)) == bool(different)


def test_operations_are_read_off_any_fastapi_app() -> None:
    from fastapi import APIRouter, Depends, FastAPI
    from flask import Flask

    legacy = Flask("any")
    for rule, method in (("/a/<int:idx>/", "GET"), ("/a/<int:idx>/", "PUT"), ("/b/<name>", "GET")):
        legacy.add_url_rule(rule, f"{method} {rule}", lambda **_: "", methods=[method])

    def guard() -> None: ...

    inner, outer, app = APIRouter(prefix="/a"), APIRouter(dependencies=[Depends(guard)]), FastAPI()

    @inner.get("/{number}/")
    def read(number: int) -> None: ...

    @app.get("/b/{name}")
    def named(name: str) -> None: ...

    @app.get("/c/{rest:path}")
    def unknown(rest: str) -> None: ...

    outer.include_router(inner)
    app.include_router(outer)
    found = operations_of_fastapi(
        app, rules_of_flask(legacy, guarded=lambda *_: False), guards=[guard]
    )
    told = {(one.method, one.rule, one.name, one.guarded) for one in found}
    assert told == {
        ("GET", "/a/<int:idx>/", "read", True),
        ("GET", "/b/<name>", "named", False),
        ("GET", "/c/<path:rest>", "unknown", False),
    }
