"""A HAR file as a real Chromium saves it, of a page that uses the shop: imported and replayed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parity_core.model import Side
from parity_tests.stage.process import ProcessStack, free_port
from tests.browser import browser
from tests.parity.conftest import ROOT, Shop, seed_elsewhere

__all__ = ["browser"]

PAGE = """async ([other]) => {
  const ask = async (method, path, token, body, headers = {}) => {
    if (token) headers.Authorization = `Bearer ${token}`;
    const reply = await fetch(path, { method, headers, body });
    return method === "HEAD" ? null : reply.json();
  };
  const json = (body) => [JSON.stringify(body), { "Content-Type": "application/json" }];
  const log = async (name, password) =>
    (await ask("POST", "/login/", null, ...json({ username: name, password }))).token;
  await log("guest", "wrong");
  const guest = await log("guest", "guest-pw");
  const admin = await log("admin", "admin-pw");
  const made = [];
  for (const name of ["lamp", "chaise longue – née", "灯"])
    made.push(await ask("POST", "/items/", guest, ...json({ name, price: 2, options: { a: [1, null] } })));
  await ask("PUT", `/items/${made[0].id}/`, admin, ...json({ name: "lamp!", price: 3.5 }));
  await ask("POST", "/items/", guest, new URLSearchParams({ name: "a form", price: "1" }));
  const file = new FormData();
  file.append("file", new Blob(["text"]), "note.txt");
  await ask("POST", "/items/", guest, file);
  await ask("GET", `/items/${made[1].id}/?page=1&name=a%20b`, guest);
  await ask("HEAD", `/items/${made[1].id}/`, guest);
  await ask("DELETE", `/items/${made[2].id}/`, guest);
  await ask("DELETE", `/items/${made[2].id}/`, admin);
  await ask("GET", `/items/${made[2].id}/`, admin);
  await ask("GET", "/items/", admin);
  await fetch(other, { mode: "no-cors" }).catch(() => null);
}"""
"""What a page does: JSON, a form, a file, ids that it was told, and something of another server."""


@pytest.fixture(scope="module")
def saved(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    environment = seed_elsewhere(folder)
    port = free_port()
    words = (sys.executable, "-m", "legacy", str(port))
    file = folder / "session.har"
    with ProcessStack(Side.LEGACY, words, environment, port, folder, "/", 30.0) as shop:
        shop.wait()
        context = browser.new_context(record_har_path=str(file))
        page = context.new_page()
        page.goto(f"{shop.origin}/items/")
        page.evaluate(PAGE, [f"http://127.0.0.1:{free_port()}/elsewhere"])
        context.close()
    return file


def test_what_a_browser_saved_is_replayed_and_finds_what_the_port_does_not_know(
    saved: Path, shop: Shop
) -> None:
    entries = json.loads(saved.read_text())["log"]["entries"]
    asked = [entry["request"]["method"] for entry in entries]
    assert (len(asked), asked.count("POST"), asked.count("DELETE")) == (17, 8, 2)

    capture = shop.folder / "capture"
    command = ["capture", "import", str(saved), "-o", str(capture)]
    done = subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert "16 exchanges" in done.stdout
    assert "left out: 1 of http://127.0.0.1:" in done.stdout
    written = "".join(path.read_text() for path in capture.glob("*.jsonl"))
    assert "guest-pw" not in written
    assert "eyJ" not in written

    report = shop.folder / "report.json"
    replayed = shop.parity("replay", str(capture), "--json", str(report))
    printed = replayed.stdout + replayed.stderr
    found = json.loads(report.read_text())
    assert found["operations"]["DELETE /items/<int:idx>/"]["statuses"] == {"200": 1, "403": 1}
    assert found["operations"]["POST /items/"]["statuses"] == {"201": 3, "415": 2}
    assert found["rows_changed"] == 9
    # the shop's port knows neither forms nor HEAD, which only a browser came to ask
    asked = [(pair["method"], pair["replies"]["legacy"]["status"]) for pair in found["pairs"]]
    differing = {one["pair"] for one in found["details"]}
    assert [asked[number - 1] for number in sorted(differing)] == [
        ("POST", 415),
        ("POST", 415),
        ("HEAD", 200),
    ]
    assert replayed.returncode == 1, printed


def test_the_file_itself_is_no_capture_and_it_is_said_what_to_do(saved: Path, shop: Shop) -> None:
    done = shop.parity("replay", str(saved))
    assert done.returncode == 2
    assert "parity capture import" in done.stderr
