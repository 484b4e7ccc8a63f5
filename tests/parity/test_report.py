"""One comparison of two real servers with planted bugs, in every form a report has."""

import json
import re
import shutil
import xml.etree.ElementTree as Xml
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from parity_core.model import ParityError
from parity_tests.report import badge, html, markdown, masking
from parity_tests.report import document as json_report
from tests.parity.conftest import SHOP, Shop

APP = "shop_port/app.py"
TODAY = "2999-01-01"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose port differs in a status, a body and a row; the body of an edit is waived."""
    folder = tmp_path_factory.mktemp("report") / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    one = Shop(folder)
    one.change(APP, "JSONResponse(show(row), 201,", "JSONResponse(show(row), 200,")
    one.change(APP, '"message": "edited"', '"message": "<b>edited</b>"')
    one.change(APP, 'float(body["price"]), "u"', 'float(body["price"]) + 1, "u"')
    one.change(
        APP, "return show(find(connection, idx))", "return show(find(connection, idx)) | {'n': 1.0}"
    )
    (folder / "waivers.toml").write_text(
        '[[waiver]]\noperation = "PUT /items/<int:idx>/"\nplace = "body/message"\nowner = "me"\n'
        'legacy = "edited"\nported = "<b>edited</b>"\n'
        f'reason = "agreed"\nexpires = {TODAY}\n'
    )
    return one


@pytest.fixture(scope="module")
def report(shop: Shop) -> dict[str, Any]:
    files = [f"--{form}={shop.folder / f'report.{form}'}" for form in ("html", "markdown", "badge")]
    code, told, printed = shop.report(*files)
    assert code == 1, printed
    # ids are printed beside what differs
    assert all(key in printed for key, kind in told["kinds"].items() if kind["differences"])
    return told


def test_the_json_report_keeps_to_its_schema(shop: Shop, report: dict[str, Any]) -> None:
    schema = json.loads(shop_schema(shop))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report | {"details": [{"id": 1}]}, schema)
    assert (report["differences"], report["waived"], len(report["kinds"])) == (8, 1, 5)


def shop_schema(shop: Shop) -> str:
    import subprocess
    import sys

    return subprocess.run(
        [sys.executable, "-m", "parity_tests.cli", "report", "--schema"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_pairs_are_told_once_and_secrets_not_at_all(report: dict[str, Any]) -> None:
    pairs = {pair["id"]: pair for pair in report["pairs"]}
    assert {one["pair"] for one in report["details"]} <= pairs.keys()
    same = [pair for pair in report["pairs"] if pair["operation"] == "POST /login/"]
    assert len(same) == 2, "one of each status is shown though nothing differs"
    told = json.dumps(report)
    assert "admin-pw" not in told
    assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{20}", told), "a token with its signature"
    (post,) = [p for p in report["pairs"] if p["operation"] == "POST /items/" and p["step"] == 3]
    assert '-H "Authorization: Bearer $TOKEN"' in post["curl"]
    assert post["replies"]["legacy"]["rows"][0]["table"] == "audit"


def test_other_forms_are_made_from_the_json_as_from_the_run(
    shop: Shop, report: dict[str, Any]
) -> None:
    file = shop.folder / "copy.json"
    json_report.write(report, file)
    assert json_report.load(file) == report
    assert html.render(report) == (shop.folder / "report.html").read_text()
    assert markdown.render(report) == (shop.folder / "report.markdown").read_text()
    assert badge.render(report) == (shop.folder / "report.badge").read_text()


def test_the_markdown_has_a_line_per_kind_that_no_cell_can_break(report: dict[str, Any]) -> None:
    text = markdown.render(report)
    assert "8 differences (4 kinds), 1 waived" in text
    rows = [line for line in text.splitlines() if re.match(r"\| `[0-9a-f]{8}`", line)]
    assert len(rows) == 4
    assert any("`POST /items/` | `status` | `201` | `200` | 1 |" in row for row in rows)
    assert markdown.cell("a|b\n``c``") == "``` a\\|b ``c`` ```"
    key = next(iter(report["kinds"]))
    assert f"`{key}` **new**" in markdown.render(report, [key])
    assert "**1 new**" in markdown.render(report, [key])


@pytest.mark.parametrize(
    ("change", "words", "colour"),
    [
        ({"exit": 0}, "same · 6/7", "#1a7f37"),
        ({}, "8 differences", "#c62828"),
        ({"exit": 2, "broken": ["x: died"]}, "1 journey could not be played", "#6e7781"),
    ],
)
def test_the_badge_says_it_in_one_word_and_one_colour(
    report: dict[str, Any], change: dict[str, Any], words: str, colour: str
) -> None:
    text = badge.render(report | change)
    picture = Xml.fromstring(text)
    assert picture.get("aria-label") == f"parity: {words}"
    assert colour in text


def test_a_page_has_a_bound_and_keeps_one_pair_of_each_kind(report: dict[str, Any]) -> None:
    many = json.loads(json.dumps(report))
    for number in range(4000):
        pair = dict(report["pairs"][0], id=1000 + number)
        many["pairs"].append(pair)
        many["details"].append(dict(report["details"][0], id=1000 + number, pair=pair["id"]))
    text = html.render(many, embedded=200_000)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    full = [pair for pair in data["pairs"] if "replies" in pair]
    assert sum(len(json.dumps(pair)) for pair in full) <= 200_000
    assert {pair["operation"] for pair in full} >= {
        k["operation"] for k in report["kinds"].values()
    }
    assert len(data["pairs"]) == len(many["pairs"])
    assert len(text) < 4_000_000


def test_what_a_stack_replied_can_not_end_the_script_of_the_page(report: dict[str, Any]) -> None:
    evil = json.loads(json.dumps(report))
    evil["pairs"][0]["replies"]["ported"]["body"] = "</script><script>alert(1)</script><!--"
    text = html.render(evil)
    assert "alert(1)</script>" not in text
    assert text.count("</script>") == html.render(report).count("</script>")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("Authorization", "Bearer eyJhbGci.eyJzdWIi.c2lnbmF0dXJl", "Bearer $TOKEN"),
        ("authorization", "`reboot` x", "$TOKEN"),
        ("Cookie", "session=1", "$COOKIE"),
        ("X-Other", "eyJhbGci.eyJzdWIi.c2lnbmF0dXJl", "eyJhbGci.eyJzdWIi.(signature)"),
        ("Accept", "*/*", "*/*"),
    ],
)
def test_secret_headers_become_variables(name: str, value: str, told: str) -> None:
    assert masking.header(name, value) == told


def test_secret_fields_become_placeholders_and_nothing_else_changes() -> None:
    raw = b'{"user": "a", "pwd": "x", "deep": [{"new_password": "y", "token": 1}]}'
    assert json.loads(masking.body(raw) or "") == {
        "user": "a",
        "pwd": "<pwd>",
        "deep": [{"new_password": "<new_password>", "token": 1}],
    }
    assert masking.body(b'{"a":  1.0}') == '{"a":  1.0}'
    assert masking.body(b"\xff") is None


def test_a_file_that_is_no_report_is_refused(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text("{}")
    with pytest.raises(ParityError, match="no report of this version"):
        json_report.load(file)
    with pytest.raises(ParityError, match="parity run --json"):
        json_report.load(tmp_path / "none.json")
