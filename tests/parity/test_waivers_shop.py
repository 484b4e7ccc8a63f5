"""A waived failure hides nothing: bugs planted under a waived `500 → 400`, on two real servers."""

import json

import pytest

from tests.parity.conftest import Shop
from tests.parity.test_shop import APP, found

JOURNEY = """
name: refused
steps:
  - as: admin
    each:
      - {request: POST /items/, json: []}
      - {request: PUT /items/1/, json: 5}
"""
REPLIES = """
[defaults]
owner = "the tests"
reason = "A body that is no object fails in the legacy."
expires = 2099-01-01

[[waiver]]
operation = "* /items/*"
legacy = { status = 500, body = { error = "Internal Server Error" } }
ported = { status = 400, body = { error = "no object" } }
"""
ROW = """
[[waiver]]
operation = "POST /items/"
place = "rows/audit"
legacy_status = 500
ported_status = 400
legacy = { missing = true }
ported = { inserted = { item_id = 1, what = "tried" } }
"""
CREATE = "    now = moment()\n    checked(body)\n"
EDIT = "    checked(body)\n    with engine.begin() as connection:\n        find(connection, idx)\n"


def refusing(text: str, before: str) -> str:
    """The port's own lines, with a bug before the refusal."""
    lines = f"    if not isinstance(body, dict):\n{before}        raise Refused(400, 'no object')\n"
    return lines + text


@pytest.fixture
def waived(shop: Shop) -> Shop:
    (shop.folder / "journeys" / "refused.yaml").write_text(JOURNEY)
    (shop.folder / "waivers.toml").write_text(REPLIES)
    return shop


def plant(shop: Shop, create: str = "", edit: str = "") -> None:
    shop.change(APP, CREATE, refusing(CREATE, create))
    shop.change(APP, EDIT, refusing(EDIT, edit))


def test_the_refusals_themselves_are_waived(waived: Shop) -> None:
    plant(waived)
    code, report, printed = waived.report("-j", "refused")
    assert code == 0, printed
    assert (report["differences"], report["waived"]) == (0, 4)
    done = waived.parity_tool("waivers", str(waived.folder / "report.json"))
    assert done.returncode == 0, done.stderr
    assert "2× 500 → 400 at body, status" in done.stdout
    assert "2× no object" in done.stdout
    assert "1 waivers, 1 used, 4 differences accepted, 0 warnings" in done.stdout


INSERT = """        with engine.begin() as c:
            c.exec_driver_sql("INSERT INTO items (name, price, owner_id, created_at, updated_at) "
                              "VALUES ('n', 1, 1, '2026-01-01', '2026-01-01')")
"""
HALF = """        with engine.begin() as c:
            c.exec_driver_sql("UPDATE items SET price = 5 WHERE id = 1")
"""
GONE = """        with engine.begin() as c:
            c.exec_driver_sql("DELETE FROM items WHERE id = 1")
"""
AUDIT = """        with engine.begin() as c:
            audit(c, 1, "{what}")
"""


@pytest.mark.parametrize(
    ("create", "edit", "place"),
    [
        (INSERT, "", "rows/items/"),
        (AUDIT.format(what="tried"), "", "rows/audit/"),
        ("", HALF, "rows/items/1"),
        ("", GONE, "rows/items/1"),
    ],
    ids=["inserted", "counted", "half-edited", "deleted"],
)
def test_what_a_waived_refusal_leaves_is_found(
    waived: Shop, create: str, edit: str, place: str
) -> None:
    plant(waived, create, edit)
    code, report, printed = waived.report("-j", "refused")
    assert code == 1, printed
    ((operation, where),) = found(report)
    assert operation == ("POST /items/" if create else "PUT /items/<int:idx>/")
    assert where.startswith(place)
    assert "a refusal left this row" in printed.replace("\n", " ")


def test_a_row_is_waived_by_its_values(waived: Shop) -> None:
    (waived.folder / "waivers.toml").write_text(REPLIES + ROW)
    plant(waived, AUDIT.format(what="tried"))
    code, _, printed = waived.report("-j", "refused")
    assert code == 0, printed
    waived.change(APP, 'audit(c, 1, "tried")', 'audit(c, 1, "succeeded")')
    code, report, printed = waived.report("-j", "refused")
    assert (code, report["differences"]) == (1, 1), printed


def test_a_waiver_of_everything_is_refused_with_a_sentence(waived: Shop) -> None:
    (waived.folder / "waivers.toml").write_text(
        REPLIES.replace("[[waiver]]", '[[waiver]]\nplace = "**"')
    )
    done = waived.parity("run")
    assert done.returncode == 2
    assert (
        'waivers.toml:7: `waiver[1]`: `place = "**"` covers whatever differs, rows and outgoing'
        in done.stderr
    )


def test_a_waiver_that_accepts_two_kinds_is_warned_of(waived: Shop) -> None:
    plant(waived)
    text = REPLIES.replace(
        "body = { error", "headers = { x-a = { missing = true } }, body = { error", 1
    )
    text = text.replace("400, body", '400, headers = { x-a = "1" }, body')
    (waived.folder / "waivers.toml").write_text(text)
    waived.change(
        APP, "return JSONResponse({\"error\": error.words}, error.status)",
        "sent = {'x-a': '1'} if _.method == 'PUT' and error.status == 400 else {}\n"
        '    return JSONResponse({"error": error.words}, error.status, headers=sent)',
    )  # fmt: skip
    code, _, printed = waived.report("-j", "refused")
    assert code == 0, printed
    done = waived.parity_tool("waivers", str(waived.folder / "report.json"), "--json")
    (one,) = json.loads(done.stdout)
    assert one["warning"] == "accepts 2 kinds: write one waiver for each"
    assert [kind["places"] for kind in one["kinds"]] == [
        ["body", "header/x-a", "status"],
        ["body", "status"],
    ]
    assert one["operations"] == {"POST /items/": 1, "PUT /items/<int:idx>/": 1}
