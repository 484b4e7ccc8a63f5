"""The matrix: what counts as letting somebody in, plans that are checked, and a whole one on the shop."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from parity_core.compare.waivers import parse
from parity_core.model import MISSING, Change, Difference, Finding, ParityError, RowChange, Side
from parity_tests.matrix.judge import judge, lets_in
from parity_tests.matrix.model import CellVerdict
from parity_tests.matrix.plan import load
from parity_tests.matrix.play import narrowed
from parity_tests.operations import CensusMatcher
from tests.parity.conftest import Shop, exchange, pair

ROW = RowChange("cases", Change.INSERTED, (1,))
CENSUS = ("GET /items/", "GET /items/<int:idx>/")
WAIVER = parse(
    {
        "operation": "GET *",
        "place": "body",
        "legacy": [1],
        "ported": [1, 2],
        "owner": "me",
        "reason": "no",
        "expires": date(2999, 1, 1),
    }
)


def judged(legacy: int, ported: int, *differences: Difference, **ported_side: Any) -> str:
    sides = (
        exchange(Side.LEGACY, status=legacy),
        exchange(Side.PORTED, status=ported, **ported_side),
    )
    return lets_in(pair(*sides), differences, passes=(501,))


@pytest.mark.parametrize(
    ("legacy", "ported"),
    [
        (403, 200),
        (400, 200),
        (404, 201),
        (401, 302),
        (500, 200),
        (403, 501),
        (403, 400),
        (403, 500),
    ],
)
def test_who_is_kept_out_and_gets_further_is_let_in(legacy: int, ported: int) -> None:
    assert str(ported) in judged(legacy, ported)


@pytest.mark.parametrize(
    ("legacy", "ported"),
    [
        (200, 200),
        (200, 403),
        (403, 403),
        (403, 401),
        (403, 404),
        (404, 400),
        (500, 400),
        (501, 200),
    ],
)
def test_other_differences_let_nobody_in(legacy: int, ported: int) -> None:
    assert judged(legacy, ported) == ""


def test_a_refusal_that_writes_is_no_refusal() -> None:
    assert "writes to cases" in judged(403, 403, rows=[ROW])
    assert judged(200, 200, rows=[ROW]) == "", "both let in: a difference like any other"


def test_a_list_that_shows_more_lets_in_but_one_that_shows_less_does_not() -> None:
    assert "1 items more" in judged(200, 200, Difference("body/3", MISSING, {"id": 4}))
    assert judged(200, 200, Difference("body/3", {"id": 4}, MISSING)) == ""
    assert judged(200, 200, Difference("body/name", MISSING, "x")) == ""


def test_no_waiver_covers_letting_in() -> None:
    def verdict(legacy: int, ported: int) -> CellVerdict:
        sides = exchange(Side.LEGACY, status=legacy), exchange(Side.PORTED, status=ported)
        one = pair(*sides)
        return judge(one, [Finding(one, Difference("status", legacy, ported), WAIVER)])[0]

    assert verdict(403, 200) is CellVerdict.LETS_IN
    assert verdict(200, 403) is CellVerdict.WAIVED


def plan_of(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "matrix.yaml"
    file.write_text(text)
    return load(file, ["admin", "guest"], CensusMatcher(CENSUS), CENSUS)


HEAD = (
    "columns: {admin: admin, no token: nobody}\nstranger: guest\nsettings: {A: [1, 0], B: [0, 1]}\n"
)


def test_a_plan_knows_its_operations_and_every_combination_of_settings(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        HEAD
        + "requests:\n  - {request: GET /items/}\n  - {request: 'GET /items/${whose.item}/'}\n",
    )
    assert list(plan.requests) == list(CENSUS)
    assert plan.owners == ("admin", "guest")
    assert [str(profile) for profile in plan.profiles()] == [
        "A=1, B=0", "A=1, B=1", "A=0, B=0", "A=0, B=1",
    ]  # fmt: skip


def test_settings_can_be_narrowed(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        HEAD
        + "requests:\n  - {request: GET /items/}\n  - {request: 'GET /items/${whose.item}/'}\n",
    )
    assert [str(one) for one in narrowed(plan, {"B": "1"})] == ["A=1, B=1", "A=0, B=1"]
    with pytest.raises(ParityError, match="it has A: 1, 0; B: 0, 1"):
        narrowed(plan, {"C": "1"})


@pytest.mark.parametrize(
    ("requests", "told"),
    [
        (
            "requests:\n  - {request: GET /items/}\n",
            "1 operations have no request: GET /items/<int",
        ),
        ("requests:\n  - {request: GET /nowhere/}\n", "is no operation of the legacy"),
        (
            "requests:\n  - {request: GET /items/}\n  - {request: GET /items/}\n",
            "yaml:6: GET /items/ has",
        ),
        (
            "leave_out: {GET /items/: why}\nrequests:\n  - {request: GET /items/}\n",
            "1 operations have no",
        ),
        ("requests: []\nrequest: []\n", "`request`; did you mean `requests`"),
        ("", "`requests` is missing"),
    ],
)
def test_a_plan_that_is_wrong_says_where(tmp_path: Path, requests: str, told: str) -> None:
    with pytest.raises(ParityError, match=told):
        plan_of(tmp_path, HEAD + requests)


def matrix(shop: Shop, *arguments: str) -> tuple[int, dict[str, Any], str]:
    file = shop.folder / "matrix.json"
    done = shop.parity("matrix", "--json", str(file), *arguments)
    printed = done.stdout + done.stderr
    assert file.exists(), printed
    return done.returncode, json.loads(file.read_text()), printed


def test_a_port_with_the_same_permissions_is_the_same(shop: Shop) -> None:
    code, report, printed = matrix(shop)
    assert code == 0, printed
    # three operations ask three times, three others five times: for own and for others' objects
    assert (report["cells"], report["operations"]) == (3 * 3 + 3 * 5, 6)
    assert report["counts"] == {
        "same": 24,
        "waived": 0,
        "different": 0,
        "lets in": 0,
        "could not tell": 0,
    }
    cells = {
        (cell["role"], cell["whose"]): cell["legacy"]
        for cell in report["matrix"]
        if cell["operation"] == "DELETE /items/<int:idx>/"
    }
    assert cells == {
        ("admin", "own"): 200,
        ("admin", "other"): 200,
        ("guest", "own"): 403,
        ("guest", "other"): 403,
        ("no token", "other"): 401,
    }, "each asked on the objects as they were prepared"


def test_a_dropped_permission_is_found_although_a_waiver_covers_it(shop: Shop) -> None:
    shop.change("shop_port/app.py", 'if user.name != "admin":', "if not user:")
    tomorrow = date.today() + timedelta(days=1)
    (shop.folder / "waivers.toml").write_text(
        '[[waiver]]\noperation = "DELETE *"\nowner = "me"\nreason = "agreed"\n'
        'legacy = { status = 403, body = { error = "only for the admin" } }\n'
        f'ported = {{ status = 200, body = {{ message = "deleted" }} }}\nexpires = {tomorrow}\n'
    )
    code, report, printed = matrix(shop, "-o", "DELETE *")
    assert code == 1
    assert report["counts"] == {
        "same": 3,
        "waived": 0,
        "different": 0,
        "lets in": 2,
        "could not tell": 0,
    }
    assert "The port lets in whom the legacy keeps out; no waiver covers that" in printed
    assert "asked by guest for another's object" in printed
    (first, *_) = [cell for cell in report["matrix"] if cell["verdict"] == "lets in"]
    assert first["why"] == "answers 200 where the legacy keeps out with 403"
    assert first["differences"][0]["waiver"].startswith("waivers.toml:1 · DELETE *"), (
        "it is covered, and fails"
    )


def test_objects_that_can_not_be_prepared_end_the_run(shop: Shop) -> None:
    file = shop.folder / "matrix.yaml"
    file.write_text(file.read_text().replace("'s table\", price: 1", '", price: x'))
    done = shop.parity("matrix")
    assert done.returncode == 2
    assert "matrix.yaml:6: nothing at `/id` to capture as `item`" in done.stderr
