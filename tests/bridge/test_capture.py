"""The bridge records its traffic beside the client's path, and serves on when it can not."""

import gzip
import hashlib
import json
import logging
import os
import resource
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Scope

from legacy_bridge.capture import recording
from legacy_bridge.capture.files import CaptureFiles
from legacy_bridge.capture.options import CaptureOptions
from legacy_bridge.capture.writer import CaptureWriter, MemoryBudget
from parity_core.capture.fingerprint import read_key
from parity_core.capture.record import Recorded
from parity_core.compare.tokens import mint
from parity_tests.capture.read import open_capture
from tests.bridge.conftest import MakeBridge, Serve
from tests.bridge.cornflow_stack import cutover_serve
from tests.bridge.pair import until


def token(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint({'sub': user, 'exp': 3600}, 'x', int(time.time()))}"}


def recorded(folder: Path) -> list[Recorded]:
    return list(open_capture([folder]))


def capture_state(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/_cutover/health").json()["capture"]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "capture"


def test_an_exchange_is_recorded_as_it_was(
    make_bridge: MakeBridge, serve: Serve, folder: Path
) -> None:
    url = serve(make_bridge(capture=CaptureOptions(capture=folder))).url
    httpx.get(f"{url}/_cutover/health")
    httpx.post(f"{url}/echo/?q=a%20b", content=b"some text", headers=token("admin"))
    got = httpx.get(f"{url}/thing/", headers={"X-Mine": "1"})
    httpx.get(f"{url}/nowhere/")
    until(lambda: capture_state(url)["written"] == 3)
    echo, thing, nowhere = recorded(folder)
    assert (echo.method, echo.target, echo.operation) == ("POST", "/echo/?q=a%20b", "POST /echo/")
    assert (echo.status, echo.served_by, echo.request_body.content) == (200, "legacy", b"some text")
    assert json.loads(echo.reply_body.content) == {"size": 9, "start": "some text"}
    key = read_key(folder)
    assert key is not None
    assert echo.user == key.subject("admin")
    assert thing.reply_body.content == got.content
    assert ("x-mine", "1") in thing.request_headers
    assert (thing.served_by, thing.user, nowhere.status) == ("ported", None, 404)
    assert not any(path.stat().st_mode & 0o77 for path in folder.iterdir()), "for its owner alone"


def test_long_bodies_leave_their_length_and_hash(
    make_bridge: MakeBridge, serve: Serve, folder: Path
) -> None:
    url = serve(make_bridge(capture=CaptureOptions(capture=folder, capture_max_body=1000))).url
    body = os.urandom(200_000)
    httpx.post(f"{url}/echo/", content=body)
    httpx.get(f"{url}/big/3/")
    until(lambda: capture_state(url)["written"] == 2)
    echo, big = recorded(folder)
    assert not echo.request_body.is_whole
    assert echo.request_body.length == 200_000
    assert echo.request_body.sha256 == hashlib.sha256(body).hexdigest()
    assert echo.reply_body.is_whole
    assert big.reply_body.sha256 == hashlib.sha256(b"x" * 65536 * 3).hexdigest()


def test_a_sample_has_all_of_a_users_requests_or_none(
    make_bridge: MakeBridge, serve: Serve, folder: Path
) -> None:
    url = serve(make_bridge(capture=CaptureOptions(capture=folder, capture_sample=0.5))).url
    names = [f"user{number}" for number in range(12)]
    with httpx.Client(base_url=url) as client:
        for name in [*names, *names]:
            client.get("/thing/", headers=token(name))
            # whoever is given a token is the user of it, though the request names nobody
            given = token(name)["Authorization"].removeprefix("Bearer ")
            client.post("/mirror/", content=json.dumps({"token": given}))
    key = read_key(folder)
    assert key is not None
    wanted = {name for name in names if key.is_in_sample(key.subject(name), 0.5)}
    assert 0 < len(wanted) < 12
    # Each wanted user has asked twice and was given a token twice; the other replies are only read.
    until(lambda: capture_state(url)["written"] == 4 * len(wanted))
    until(lambda: capture_state(url)["users_not_sampled"] == 2 * (12 - len(wanted)))
    assert capture_state(url)["not_sampled"] == 2 * (12 - len(wanted))
    expected = sorted(2 * [key.subject(name) for name in wanted])
    assert sorted(one.user for one in recorded(folder) if one.user) == expected
    mirrored = [one.reply_body.content.decode() for one in recorded(folder) if not one.user]
    assert sorted(text.partition("<token ")[2][:18] for text in mirrored) == expected


def test_files_rotate_and_the_oldest_go_but_none_that_is_written_to(folder: Path) -> None:
    folder.mkdir()
    busy = CaptureFiles(folder, 10_000, 3, False, {})
    files = CaptureFiles(folder, 2000, 3, False, {})
    for _ in range(60):
        files.write("x" * 199 + "\n")
    files.close()
    left = sorted(folder.glob("capture-*"))
    assert len(left) == 3
    busy.write("still there\n")
    assert any("still there" in path.read_text() for path in left)
    assert files.removed == 4
    busy.close()


def test_compressed_files_say_the_same(make_bridge: MakeBridge, serve: Serve, folder: Path) -> None:
    url = serve(make_bridge(capture=CaptureOptions(capture=folder, capture_gzip=True))).url
    for number in range(5):
        httpx.get(f"{url}/thing/{number}/")
    # written out within a second or so, though the file stays open
    until(lambda: len(recorded(folder)) == 5)
    (path,) = folder.glob("*.jsonl.gz")
    assert [one.target for one in recorded(folder)] == [f"/thing/{n}/" for n in range(5)]
    assert path.read_bytes()[:2] == gzip.compress(b"")[:2]


def test_a_full_disk_ends_the_capture_with_one_line_and_no_request(
    make_bridge: MakeBridge, serve: Serve, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = serve(make_bridge(capture=CaptureOptions(capture=folder))).url
    httpx.get(f"{url}/thing/")
    until(lambda: capture_state(url)["written"] == 1)
    (path,) = folder.glob("*.jsonl")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # the system refuses to let this file grow, as a disk without room does
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, before[1]))
    try:
        with caplog.at_level(logging.ERROR):
            assert httpx.get(f"{url}/thing/").status_code == 200
            until(lambda: capture_state(url)["state"] == "stopped")
            assert [httpx.get(f"{url}/thing/").status_code for _ in range(5)] == [200] * 5
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told = [line for line in caplog.messages if "capture stopped" in line]
    assert len(told) == 1
    assert str(folder) in told[0]
    assert len(recorded(folder)) == 1, "no half of a line is left"


def test_a_folder_that_can_not_be_written_stops_nothing_else(
    make_bridge: MakeBridge, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.ERROR):
        url = serve(make_bridge(capture=CaptureOptions(capture=tmp_path / "file" / "capture"))).url
        assert httpx.get(f"{url}/thing/").status_code == 200
    assert len([line for line in caplog.messages if "capture stopped" in line]) == 1
    assert capture_state(url)["why"] in ("Not a directory", "File exists")


def test_what_does_not_fit_in_memory_is_dropped_and_counted(
    make_bridge: MakeBridge, serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MEMORY", 5000)
    url = serve(make_bridge(capture=CaptureOptions(capture=folder))).url
    assert httpx.post(f"{url}/echo/", content=b"x" * 6000).json()["size"] == 6000
    httpx.post(f"{url}/echo/", content=b"x" * 4000)
    until(lambda: capture_state(url)["written"] == 1)
    assert capture_state(url)["dropped"] == 1
    httpx.post(f"{url}/echo/", content=b"x" * 4000)
    until(lambda: capture_state(url)["written"] == 2)


def test_a_slow_writer_never_makes_a_request_wait(folder: Path) -> None:
    """It writes nothing at all until every request has handed over what it has."""
    budget = MemoryBudget(10**9)
    may_write = threading.Event()

    def label(method: str, path: str) -> str:
        may_write.wait()
        return method

    writer = CaptureWriter(
        CaptureOptions(
            capture=folder, capture_max_body=1000, capture_max_files=5, capture_file_size=10**9
        ),
        budget,
        label,
    )
    writer.start()
    from legacy_bridge.capture.recording import _Heard

    scope: Scope = {
        "method": "GET",
        "path": "/",
        "headers": [],
        "query_string": b"",
        "client": None,
    }

    def put_all() -> None:
        for _ in range(2500):
            heard = _Heard(scope, budget, 1000)
            heard.request.add(b"12345")
            writer.put(heard.raw(), heard.held, heard.is_too_much)

    requests = threading.Thread(target=put_all, daemon=True)
    requests.start()
    requests.join(60)
    try:
        assert not requests.is_alive(), "a request waits for the writer"
        state = writer.state()
        # One may be in the writer's hands.
        assert state["dropped"] in (499, 500)
        assert state["waiting"] in (1999, 2000)
        assert budget.taken == 5 * (2500 - state["dropped"])
    finally:
        may_write.set()


def test_a_client_that_goes_away_leaves_a_record(
    make_bridge: MakeBridge, serve: Serve, folder: Path
) -> None:
    running = serve(make_bridge(capture=CaptureOptions(capture=folder)))
    with running.connect() as client:
        client.sendall(b"POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this")
    until(lambda: capture_state(running.url)["written"] == 1)
    (one,) = recorded(folder)
    assert (one.status, one.reply_body.missing) == (None, "the reply was cut short")


@pytest.mark.legacy
def test_workers_write_files_of_their_own_and_a_kill_cuts_one_line_at_most(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    env = {
        **os.environ,
        "CUTOVER_ASSEMBLY": "tests.bridge.pair_assembly:assemble",
        "PAIR_DATABASE_URL": f"sqlite:///{tmp_path / 'modes.db'}",
        "CUTOVER_CAPTURE": str(folder),
        "CUTOVER_TOKEN": "operator",
    }
    operator = {"Authorization": "Bearer operator"}
    words = ("--workers", "2", "--capture-mask", "iban", "--capture-sample", "1")
    with cutover_serve(env, *words) as url:
        sent = 0
        deadline = time.monotonic() + 120
        while True:
            assert time.monotonic() < deadline, "only one worker answers"
            with httpx.Client(base_url=url) as client:
                client.post("/echo/", json={"number": sent, "iban": "DE02120300000000202051"})
                sent += 1
                if len(list(folder.glob("*.jsonl"))) >= 2 and sent > 20:
                    # On the same connection, so the worker that has just answered; what it was still
                    # to write but the last line is written.
                    until(lambda: client.get("/_cutover/health").json()["capture"]["waiting"] == 0)
                    worker = client.get("/_cutover/health", headers=operator).json()["worker"]
                    os.kill(worker, signal.SIGKILL)
                    break
    files = list(folder.glob("*.jsonl"))
    assert len({path.name.split("-")[2] for path in files}) >= 2, "a file for each process"
    capture = open_capture([folder])
    found = list(capture)
    assert sent - 1 <= len(found) <= sent
    assert [one.ended for one in found] == sorted(one.ended for one in found)
    assert all(b"DE0212" not in path.read_bytes() for path in files)


def test_a_bridge_without_capture_has_no_word_of_it(make_bridge: MakeBridge, serve: Serve) -> None:
    url = serve(make_bridge()).url
    assert "capture" not in httpx.get(f"{url}/_cutover/health").json()
