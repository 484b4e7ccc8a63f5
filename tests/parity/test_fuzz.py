"""Sequences that nobody wrote find a bug that needs three steps, on two real servers; and Cornflow has none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.parity.conftest import ROOT, Shop

APP = "shop_port/app.py"
KNOWN = """
[things.item]
[things.session]

[[operation]]
match = ["*"]
as = ["admin"]

[[operation]]
match = ["POST /login/"]
json = [{ username = "admin", password = "admin-pw" }]
makes = [{ kind = "session", at = "/token" }]

[[operation]]
match = ["* /items/<int:idx>/"]
path = { idx = "item" }

[[operation]]
match = ["POST /items/", "PUT /items/<int:idx>/"]
json = [{ name = "item{n}", price = 1.5, options = { a = 1 } }]

[[operation]]
match = ["POST /items/"]
makes = [{ kind = "item", at = "/id" }]

[[operation]]
match = ["DELETE /items/<int:idx>/"]
ends = "idx"
"""
WAIVERS = """
[defaults]
owner = "the tests"
reason = "A small port that was never meant to refuse nonsense as Flask does; here rows count."
expires = 2099-01-01

[[waiver]]
operation = "* /items/*"
legacy = { status = 500, body = { error = "Internal Server Error" }, headers = { content-type = "application/json" } }
ported = { status = 500, body = "Internal Server Error", headers = { content-type = "text/plain; charset=utf-8" } }

[[waiver]]
operation = "PATCH /items/*"
place = "header/allow"
legacy = { matches = "[A-Z]+(, [A-Z]+)+" }
ported = { missing = true }

[[waiver]]
operation = "HEAD /items/*"
legacy = { status = 200, body = "" }
ported = { status = 405, body = "" }

[[waiver]]
operation = "HEAD /items/*"
legacy = { status = 404, body = "" }
ported = { status = 405, body = "" }

[[waiver]]
operation = "OPTIONS /items/*"
legacy = { status = 200, body = "", headers = { allow = { matches = "[A-Z]+(, [A-Z]+)+" }, content-type = { matches = "text/html.*" } } }
ported = { status = 405, body = { error = "Method Not Allowed" }, headers = { allow = { missing = true }, content-type = "application/json" } }

[[waiver]]
operation = "PUT /items/*"
legacy = { status = 400, body = { error = { matches = "\\\\{.*\\\\}" } } }
ported = { status = 404, body = { error = "Not Found" } }

[[waiver]]
operation = "PUT /items/*"
legacy = { status = 415, body = { error = "Unsupported Media Type" } }
ported = { status = 200, body = { message = "edited" } }
"""
FUZZ = (
    "--no-opening",
    "--seed",
    "5",
    "--exchanges",
    "250",
    "--steps",
    "15",
    "-o",
    "PUT /items/<*",
    "-o",
    "DELETE /*",
)


def fuzz(shop: Shop, *arguments: str) -> tuple[int, dict[str, Any], str]:
    (shop.folder / "fuzz.toml").write_text(KNOWN)
    (shop.folder / "waivers.toml").write_text(WAIVERS)
    file = shop.folder / "fuzz.json"
    done = shop.parity("fuzz", *arguments, "--json", str(file))
    return done.returncode, json.loads(file.read_text()), done.stdout + done.stderr


def test_a_bug_that_needs_three_steps_is_found_shrunk_saved_and_replayed(shop: Shop) -> None:
    shop.change(
        APP, "DELETE FROM items WHERE id = :i", "DELETE FROM items WHERE id = :i AND updated_at = created_at"
    )  # fmt: skip
    code, report, printed = fuzz(shop, *FUZZ, "--save")
    assert code == 1, printed
    assert "seed 5" in printed
    assert report["exchanges"] >= 250
    (found,) = [
        one for one in report["differences"]
        if (one["operation"], one["statuses"]) == ("DELETE /items/<int:idx>/", [200, 200])
    ]  # fmt: skip
    assert found["reproduced"]
    assert found["places"][0]["place"].startswith("rows/items/")
    assert found["steps"] == 3 <= found["steps_drawn"]
    saved = shop.folder / "journeys" / f"{found['journey']}.yaml"
    steps = yaml.safe_load(saved.read_text())["steps"]
    item = next(iter(steps[0]["capture"]))
    assert [one["request"] for one in steps] == [
        "POST /items/", f"PUT /items/${{{item}}}/", f"DELETE /items/${{{item}}}/",
    ]  # fmt: skip
    assert [sorted(one["json"]) for one in steps[:2]] == [["name", "price"]] * 2, (
        "no more than it needs"
    )

    code, replayed, printed = shop.report("-j", found["journey"])
    assert (code, replayed["exchanges"]) == (1, 3), printed
    places = {(one["operation"], one["place"].rpartition("/")[0]) for one in replayed["details"]}
    assert places == {("DELETE /items/<int:idx>/", "rows/items")}


def test_without_a_file_or_a_profile_to_draw_from_it_says_what_is_missing(shop: Shop) -> None:
    done = shop.parity("fuzz", "--examples", "1")
    assert done.returncode == 2
    assert "the configuration's `fuzz` names the file" in done.stderr
    (shop.folder / "fuzz.toml").write_text(KNOWN)
    done = shop.parity("fuzz", "--profile", "closed")
    assert done.returncode == 2
    assert "has no profile closed; known: all, usual" in done.stderr


@pytest.mark.legacy
def test_cornflow_and_its_port_agree_on_every_operation(tmp_path: Path) -> None:
    file = tmp_path / "fuzz.json"
    done = subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", "fuzz", "--seed", "1", "--exchanges", "300", "--json", str(file)],
        cwd=ROOT, env=os.environ | {"COLUMNS": "160"}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    printed = done.stdout[-6000:] + done.stderr[-2000:]
    assert done.returncode == 0, printed
    report = json.loads(file.read_text())
    assert report["exchanges"] >= 300
    assert report["operations_asked"] == report["operations_total"] == 88
    # the legacy says 501 to every deletion of a role
    assert report["without_2xx"] == ["DELETE /roles/<int:idx>/"]
