"""Captures replayed on two real servers: the Flask shop recorded, replayed with its FastAPI port."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from parity_tests.config import load
from parity_tests.journeys.model import Profile
from parity_tests.stage.databases import create
from parity_tests.stage.process import free_port
from parity_tests.stage.stage import open_stage
from tests.parity.conftest import ROOT, Shop, keep_step, seed_elsewhere

COUNT = 33


class Browser:
    """Asks the shop and remembers it as a browser would save it."""

    def __init__(self, origin: str) -> None:
        self.client = httpx.Client(base_url=origin)
        self.entries: list[dict[str, Any]] = []

    def ask(self, method: str, path: str, token: str = "", body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        begun = time.time()
        reply = self.client.request(method, path, json=body, headers=headers)
        request = reply.request
        entry: dict[str, Any] = {
            "startedDateTime": datetime.fromtimestamp(begun, UTC).isoformat(),
            "time": (time.time() - begun) * 1000,
            "request": {"method": method, "url": str(request.url), "headers": _fields(request)},
            "response": {
                "status": reply.status_code,
                "headers": _fields(reply),
                "content": {"text": reply.text},
            },
        }
        if request.content:
            entry["request"]["postData"] = {"text": request.content.decode()}
        self.entries.append(entry)
        return reply.json()

    def visit(self) -> None:
        self.ask("POST", "/login/", body={"username": "admin", "password": "wrong"})
        admin = self.ask("POST", "/login/", body={"username": "admin", "password": "admin-pw"})[
            "token"
        ]
        guest = self.ask("POST", "/login/", body={"username": "guest", "password": "guest-pw"})[
            "token"
        ]
        self.ask("GET", "/items/")
        self.ask("GET", "/items/", "not.a.token")
        for number in range(6):
            made = self.ask("POST", "/items/", guest, {"name": f"lamp {number}", "price": number})
            self.ask("GET", f"/items/{made['id']}/", admin)
            self.ask("PUT", f"/items/{made['id']}/", guest, {"name": f"lamp {number}!", "price": 2})
            self.ask("GET", f"/items/{made['id']}/", guest)
        self.ask("POST", "/items/", admin, {"name": "lamp 1!", "price": 1})
        self.ask("DELETE", f"/items/{made['id']}/", guest)
        self.ask("DELETE", f"/items/{made['id']}/", admin)
        self.ask("GET", f"/items/{made['id']}/", admin)


def _fields(message: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in message.headers.multi_items()]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's legacy, in use: a folder as `parity capture import` makes it."""
    folder = tmp_path_factory.mktemp("recorded")
    env = seed_elsewhere(folder)
    with sqlite3.connect(folder / "shop.db") as database:
        # what was recorded had other numbers than a replay makes
        database.execute("INSERT INTO items SELECT 1000, 'x', price, note, options, owner_id, created_at,"
                         " updated_at FROM items")  # fmt: skip
        database.execute("DELETE FROM items WHERE id = 1000")
        database.execute("INSERT INTO items SELECT 40, 'x', price, note, options, owner_id, created_at,"
                         " updated_at FROM items")  # fmt: skip
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with subprocess.Popen([sys.executable, "-m", "legacy", str(port)], env=env) as legacy:
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(origin)
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        browser = Browser(origin)
        browser.visit()
        legacy.terminate()
    assert len(browser.entries) == COUNT
    (folder / "visit.har").write_text(json.dumps({"log": {"entries": browser.entries}}))
    command = ["capture", "import", str(folder / "visit.har"), "-o", str(folder / "capture")]
    subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", *command], cwd=ROOT, check=True, timeout=600
    )
    return folder / "capture"


def replay(shop: Shop, *words: object) -> tuple[int, dict[str, Any], str]:
    file = shop.folder / "report.json"
    done = shop.parity("replay", "--json", str(file), *map(str, words))
    found = json.loads(file.read_text()) if file.exists() else {}
    return done.returncode, found, done.stdout + done.stderr


def long(capture: Path, folder: Path, times: int) -> Path:
    """The capture, and then its last read many times over."""
    folder.mkdir()
    shutil.copy(capture / "capture.key", folder)
    (path,) = capture.glob("*.jsonl")
    text = path.read_text()
    reads = [line for line in text.splitlines(keepends=True) if '"method":"GET"' in line]
    (folder / "long.jsonl").write_text(text + reads[-1] * times)
    return folder


def test_a_recorded_session_is_replayed_with_ids_and_tokens_of_each_stack(
    shop: Shop, capture: Path
) -> None:
    recorded = "".join(path.read_text() for path in capture.glob("*.jsonl"))
    assert "admin-pw" not in recorded
    assert "eyJ" not in recorded
    assert '"target":"/items/41/"' in recorded
    code, report, printed = replay(shop, capture, "-v")
    assert code == 0, printed
    assert (report["exchanges"], report["differences"], report["notes"]) == (COUNT, 0, [])
    assert report["operations"]["PUT /items/<int:idx>/"]["statuses"] == {"200": 6}
    assert report["operations"]["DELETE /items/<int:idx>/"]["statuses"] == {"200": 1, "403": 1}
    # six created with their audit, six edited with theirs, one deleted
    assert report["rows_changed"] == 25
    assert "GET /items/2/ admin" in printed


def test_a_bug_of_the_port_is_found_by_a_capture(shop: Shop, capture: Path) -> None:
    shop.change("shop_port/app.py", 'return {"message": "edited"}', 'return {"message": "saved"}')
    code, report, printed = replay(shop, capture, "--order", "user", "--parallel", "4")
    assert code == 1, printed
    found = [(one["operation"], one["place"]) for one in report["details"]]
    assert found == [("PUT /items/<int:idx>/", "body/message")] * 6
    assert report["exchanges"] == COUNT


def test_a_capture_that_is_not_of_this_database_says_so(shop: Shop, capture: Path) -> None:
    other = shop.folder / "other"
    other.mkdir()
    (path,) = capture.glob("*.jsonl")
    lines = [line for line in path.read_text().splitlines() if '"target":"/login/"' not in line]
    (other / "a.jsonl").write_text("\n".join(line.replace(":201,", ":202,") for line in lines))
    code, report, printed = replay(shop, other)
    assert code == 2, printed
    assert "users whom nobody told: u-" in " ".join(report["notes"])
    assert "93% of the exchanges were not replayed" in report["broken"][0]
    code, report, printed = replay(shop, other, "--as", "admin")
    assert code == 2, printed
    assert "recorded 202, now 201" in " ".join(report["notes"])
    assert "not what was recorded" in report["broken"][0]


@contextmanager
def running(shop: Shop, *words: object) -> Any:
    command = [sys.executable, "-m", "parity_tests.cli", "replay", "--config"]
    with subprocess.Popen(
        [*command, str(shop.folder / "parity.toml"), "-v", *map(str, words)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        keep_step(process)
        try:
            yield process
        finally:
            process.kill()


def test_a_replay_that_is_told_to_end_goes_on_where_it_stopped(
    shop: Shop, capture: Path, tmp_path: Path
) -> None:
    folder = long(capture, tmp_path / "long", 150)
    state = tmp_path / "replay.state"
    with running(shop, folder, "--state", state) as process:
        lines = 0
        for line in process.stdout:
            lines += "✓" in line
            if lines == 40:
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()
        assert process.wait(120) == 2, rest
    stopped = re.search(r"stopped by a signal\s+after\s+(\d+)\s+exchanges", rest)
    assert stopped, rest
    assert 40 <= int(stopped[1]) < 180
    code, report, printed = replay(shop, folder, "--state", state, "--parallel", "4")
    assert code == 0, printed
    assert report["notes"][0] == f"goes on after {stopped[1]} exchanges of an earlier run"
    assert report["exchanges"] == COUNT + 150
    assert report["rows_changed"] == 25
    assert not state.with_name("replay.state.d").exists()
    code, _, printed = replay(shop, folder, "--state", state)
    assert code == 2
    assert "reached its end" in printed


def test_a_replay_that_is_killed_goes_on_with_what_was_not_sent(
    shop: Shop, capture: Path, tmp_path: Path
) -> None:
    folder = long(capture, tmp_path / "long", 150)
    state = tmp_path / "replay.state"
    config = load(shop.folder / "parity.toml")
    made = create("sqlite", shop.folder, "x")
    made.seed(config)
    with open_stage(config, Profile(), made, "p", shop.folder) as stage:
        words = [
            folder, "--state", state,
            "--legacy", stage.legacy.stack.origin, "--ported", stage.ported.stack.origin,
            "--legacy-db", stage.legacy.url, "--ported-db", stage.ported.url,
        ]  # fmt: skip
        with running(shop, *words) as process:
            lines = 0
            for line in process.stdout:
                lines += "✓" in line
                if lines == 40:
                    process.kill()
                    break
            process.wait(120)
        code, report, printed = replay(shop, *words)
    assert code == 0, printed
    assert report["notes"][0].startswith("goes on after ")
    left_out = sum("under way" in note and "not replayed" in note for note in report["notes"])
    assert report["exchanges"] == COUNT + 150 - left_out
    other = [word if word != folder else capture for word in words]
    code, _, printed = replay(shop, *other)
    assert code == 2


def test_memory_does_not_grow_with_the_capture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from benchmarks import capture_memory
    from parity_tests.capture import session, store

    monkeypatch.setattr(capture_memory, "_USERS", 50)
    monkeypatch.setattr(session, "_TIMES", 300)
    monkeypatch.setattr(store, "_CACHED", 300)
    sizes = []
    for count in (1500, 6000):
        folder = tmp_path / str(count)
        scratch = folder / "scratch"
        scratch.mkdir(parents=True)
        capture_memory.write(folder, count, per_file=1000)
        found = capture_memory.replay(folder, scratch, parallel=1)
        assert (found["exchanges"], found["differences"], found["foreign_ids"]) == (count, 0, 0)
        sizes.append(found["rss_mb"])
    assert sizes[1] - sizes[0] < 6
