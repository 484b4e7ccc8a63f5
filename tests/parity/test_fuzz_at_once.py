"""Several clients at once: which are drawn, and that a bug which needs two of them is found on two real servers."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from parity_tests.fuzz import catalogue
from parity_tests.fuzz.drills.at_once import at_once
from parity_tests.fuzz.drills.distribution import Distribution, Drill
from tests.parity.conftest import Shop
from tests.parity.test_fuzz import KNOWN, WAIVERS

LABELS = ("POST /login/", "POST /items/", "GET /items/", "GET /items/<int:idx>/", "PUT /items/<int:idx>/", "DELETE /items/<int:idx>/")  # fmt: skip
TWO_USERS = KNOWN.replace('as = ["admin"]', 'as = ["admin", "guest"]')
APP = "shop_port/app.py"
USER = """    with engine.connect() as connection:
        return connection.execute(
            sa.text("SELECT id, name FROM users WHERE name = :n"), {"n": claims["sub"]}
        ).first()"""
SHARED_USER = """    app.state.asking = claims["sub"]
    time.sleep(0.05)
    with engine.connect() as connection:
        return connection.execute(
            sa.text("SELECT id, name FROM users WHERE name = :n"), {"n": app.state.asking}
        ).first()"""


@pytest.fixture
def drills(tmp_path: Path) -> list[Drill]:
    file = tmp_path / "fuzz.toml"
    file.write_text(TWO_USERS)
    known = catalogue.build(catalogue.load(file), LABELS)
    return at_once(Distribution(list(known.operations.values()), known, random.Random(1)))


def test_two_make_one_thing_change_one_thing_and_ask_at_once(drills: list[Drill]) -> None:
    pairs = [
        (one[0].label, other[0].label, one[1].user == other[1].user)
        for drill in drills
        for one, other in pairwise(drill)
        if other[1].at_once
    ]
    assert ("POST /items/", "POST /items/", True) in pairs
    assert ("POST /items/", "POST /items/", False) in pairs
    assert ("DELETE /items/<int:idx>/", "DELETE /items/<int:idx>/", True) in pairs
    assert {frozenset(one[:2]) for one in pairs} >= {
        frozenset(("PUT /items/<int:idx>/", "DELETE /items/<int:idx>/"))
    }
    assert ("GET /items/", "GET /items/", False) in pairs
    assert not any(drill[0][1].at_once for drill in drills), "the first of a group is not marked"


@pytest.mark.parametrize(
    ("find", "replace", "operations", "place"),
    [
        (USER, SHARED_USER, "POST /items/", "owner_id"),
    ],
    ids=["who asks is kept where all requests see it"],
)
def test_a_bug_that_needs_two_clients_is_found(
    shop: Shop, find: str, replace: str, operations: str, place: str
) -> None:
    shop.change(APP, find, replace)
    code, report, printed = _fuzz(shop, "-o", operations)
    assert code == 1, printed
    found = [one for one in report["differences"] if one["clients"] == 2]
    assert any(place in one["places"][0]["place"] for one in found), printed


def test_without_a_bug_two_clients_are_the_same(shop: Shop) -> None:
    _, report, printed = _fuzz(shop, "-o", "POST /items/", "-o", "DELETE /items/<*")
    # what the shops answer otherwise to one client is other tests' work
    assert not [one for one in report["differences"] if one["clients"] > 1], printed
    assert not report["unclear"], printed
    assert report["at_once"] > 3


def _fuzz(shop: Shop, *arguments: str) -> tuple[int, dict[str, Any], str]:
    (shop.folder / "fuzz.toml").write_text(TWO_USERS)
    (shop.folder / "waivers.toml").write_text(WAIVERS)
    file = shop.folder / "fuzz.json"
    done = shop.parity(
        "fuzz", "--no-opening", "--seed", "5", "--exchanges", "200", *arguments, "--json", str(file)
    )
    assert file.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(file.read_text()), done.stdout + done.stderr
