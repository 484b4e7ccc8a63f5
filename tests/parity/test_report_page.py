"""The HTML report in a real browser: filters, drill-down, keyboard, nothing asked of any network."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from parity_core.compare.waivers import parse
from parity_core.model import Change, Difference, Finding, RowChange, Side
from parity_tests.operations import Census
from parity_tests.report import document as json_report
from parity_tests.report import html
from parity_tests.report.results import Report
from tests.browser import browser  # noqa: F401  (a fixture)
from tests.parity.conftest import exchange, pair

MANY = 400


def made_up() -> Report:
    """One pair with three places, one waived pair, many alike; 3 operations of 4 asked."""
    report = Report("Shop", "sqlite", Census(("GET /a/", "GET /b/<int:i>/", "POST /a/", "GET /c/")))
    rows = [
        [RowChange("users", Change.INSERTED, (number,), {}, {"id": number, "name": name}, ("id",))]
        for number, name in ((5, "ann"), (7, "bob"))
    ]
    bodies: list[Any] = [
        {"id": 5, "list": list(range(300, 340)), "price": 1.0, "gone": {"x": None}},
        {"id": 7, "list": list(range(300, 340)), "price": 1, "<b>new</b>": True},
    ]
    one = pair(
        exchange(Side.LEGACY, bodies[0], 201, {"Allow": "GET"}, rows[0]),
        exchange(Side.PORTED, bodies[1], 201, {"Allow": "GET, PUT"}, rows[1]),
        operation="POST /a/",
    )
    places = [
        Difference("header/allow", "GET", "GET, PUT"),
        Difference("body/price", 1.0, 1, "float against int"),
        Difference("rows/users/5/name", "ann", "bob"),
    ]
    report.add(one, [Finding(one, difference) for difference in places])
    waiver = parse(
        {"operation": "GET /b/*", "place": "status", "owner": "me", "reason": "agreed"}
        | {"expires": date(2999, 1, 1), "legacy": 500, "ported": 404}
    )
    other = pair(
        exchange(Side.LEGACY, {}, 500), exchange(Side.PORTED, {}, 404), operation="GET /b/<int:i>/"
    )
    report.add(other, [Finding(other, Difference("status", 500, 404), waiver)])
    for number in range(MANY):
        alike = pair({"n": number}, {"n": -number}, step=number + 2, operation="GET /a/")
        report.add(alike, [Finding(alike, Difference("body/n", number, -number))])
    same = pair({}, {}, step=9999, operation="GET /a/")
    report.add(same, [])
    return report


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html.render(json_report.document(made_up())))
    return file


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Any]:  # noqa: F811
    """The page, opened as a file; whatever it complains of or asks for fails the test."""
    one = browser.new_page(viewport={"width": 1200, "height": 900})
    complaints: list[str] = []
    one.on("console", lambda message: complaints.append(message.text))
    one.on("pageerror", lambda error: complaints.append(str(error)))
    one.on("request", lambda request: complaints.append(request.url))
    one.goto(page_file.as_uri())
    yield one
    one.close()
    assert complaints == [page_file.as_uri()]


def titles(page: Any) -> list[str]:
    told: list[str] = page.locator(".pair .label").all_inner_texts()
    return told


def count(page: Any) -> str:
    text: str = page.locator("#count").inner_text()
    return text


def wait_for_one(page: Any) -> None:
    page.locator("#count", has_text=re.compile("^1 of")).wait_for()


def test_the_overview_has_every_operation_and_its_coverage(page: Any) -> None:
    rows = page.locator("#operations tbody tr").all_inner_texts()
    cells = {row.split("\t")[0]: row.split("\t")[1:] for row in rows}
    assert cells["GET /a/"] == [str(MANY + 1), f"200×{MANY + 1}", str(MANY), ""]
    assert cells["GET /b/<int:i>/"] == ["1", "500×1", "0", "1"]
    assert cells["GET /c/"] == ["0", "not asked", "0", ""]
    assert count(page) == f"{MANY + 3} of {MANY + 3} pairs"
    page.get_by_role("button", name="exchanges").click()
    assert page.locator("#operations tbody tr").first.inner_text().startswith("GET /a/")
    page.get_by_role("button", name="exchanges").click()
    assert page.locator("#operations tbody tr").first.inner_text().startswith("GET /c/")


def test_filters_narrow_and_are_kept_in_the_address(page: Any) -> None:
    page.locator("#verdict").select_option("waived")
    assert count(page).startswith("1 of")
    page.locator("#verdict").select_option("same")
    assert count(page).startswith("1 of")
    page.locator("#verdict").select_option("")
    page.locator("#group").select_option("b")
    assert count(page).startswith("1 of")
    page.get_by_role("button", name="Reset").click()
    page.locator("#status").select_option("404")
    assert count(page).startswith("1 of")
    page.get_by_role("button", name="Reset").click()
    page.locator("#text").fill("ROWS/users bob")
    wait_for_one(page)
    assert page.url.endswith("#text=ROWS%2Fusers+bob")
    page.locator("#text").fill("no such thing")
    page.locator(".nothing").wait_for()
    page.get_by_role("button", name="Reset").click()
    page.locator("#operations").get_by_role("button", name="POST /a/").click()
    assert (count(page).split()[0], page.locator("#operation").input_value()) == (
        "1",
        "POST /a/",
    )


def test_long_lists_are_drawn_in_parts(page: Any) -> None:
    assert len(titles(page)) == 100
    page.locator("#more").click()
    assert len(titles(page)) == 200


def test_a_pair_opens_side_by_side_with_what_differs_marked(page: Any) -> None:
    page.locator("#operation").select_option("POST /a/")
    page.locator(".pair > summary").click()
    marked = page.locator(".side tr.open").all_inner_texts()
    assert marked == [
        "allow: GET\tallow: GET, PUT",
        '  "price": 1.0\t  "price": 1',
        '  name: "ann"\t  name: "bob"',
    ]
    places = page.locator(".places tbody tr").all_inner_texts()
    assert [row.split("\t")[1:4] for row in places] == [
        ["header/allow", "GET", "GET, PUT"],
        ["body/price", "1.0", "1"],
        ["rows/users/5/name", "ann", "bob"],
    ]
    everything = page.locator(".side").inner_text()
    assert '"<b>new</b>": true' in everything
    assert "320" not in everything, "what does not differ is folded"
    page.locator(".folded button").first.click()
    assert "320" in page.locator(".side").inner_text()
    assert "curl -i" in page.locator("pre.curl").inner_text()


def test_all_of_it_by_keyboard(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("rows/users")
    wait_for_one(page)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator(".pair[open] .side").wait_for()
    assert page.locator("#text").input_value() == "rows/users"


def test_a_link_to_one_kind_of_difference(page: Any, page_file: Path) -> None:
    key = next(iter(json_report.document(made_up())["kinds"]))
    page.evaluate("key => { location.hash = `text=${key}` }", key)
    wait_for_one(page)
    assert page.locator("#text").input_value() == key


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(browser: Any, page_file: Path, scheme: str) -> None:  # noqa: F811
    one = browser.new_page(color_scheme=scheme)
    one.goto(page_file.as_uri())
    one.locator("#operation").select_option("POST /a/")
    one.locator(".pair > summary").click()
    told = one.evaluate(_CONTRAST)
    one.close()
    assert len(told) > 20
    assert {name: ratio for name, ratio in told.items() if ratio < 4.5} == {}


_CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const told = {};
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !element.checkVisibility()) continue;
    let back = element;
    while (back && (parse(getComputedStyle(back).backgroundColor)[3] ?? 1) === 0) back = back.parentElement;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(parse(getComputedStyle(back ?? document.body).backgroundColor))];
    told[`${element.tagName}.${element.className} ${element.textContent.slice(0, 20)}`] = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }
  return told;
}"""
