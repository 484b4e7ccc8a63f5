"""The page in a real browser: log in, ramp, see a rollback; by keyboard; in both themes; when things are broken."""

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.bridge.conftest import ServeOperated
from tests.bridge.operated import ADMIN, PASSWORD, TOKEN, Bug
from tests.browser import CONTRAST, UNNAMED, browser  # noqa: F401  (a fixture)

OpenPage = Callable[..., Any]
_EXPECTED = re.compile("status of (401|403|409|503)|ERR_FAILED")


@pytest.fixture
def open_page(browser: Any) -> Iterator[OpenPage]:  # noqa: F811
    """`open_page(url)`: the page, logged in as an admin. Complaints and requests elsewhere fail the test."""
    pages, complaints = [], []

    def open_(url: str, *, log_in: bool = True, refusals: bool = False, **options: Any) -> Any:
        page = browser.new_page(**({"viewport": {"width": 1280, "height": 900}} | options))
        page.set_default_timeout(60_000)
        pages.append(page)

        def complain(text: str) -> None:
            if not (refusals and _EXPECTED.search(text)):
                complaints.append(text)

        def requested(request: Any) -> None:
            if not request.url.startswith(f"{url}/_cutover"):
                complaints.append(f"asked for {request.url}")

        page.on("console", lambda message: complain(message.text))
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("request", requested)
        page.goto(f"{url}/_cutover/")
        if log_in:
            page.get_by_label("User").fill(ADMIN)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in", exact=True).click()
            page.locator("tr.op").first.wait_for()
        return page

    yield open_
    for page in pages:
        page.close()
    assert complaints == []


@contextmanager
def traffic(url: str) -> Iterator[None]:
    """Users who read notes until the block ends; each must get a good reply."""
    stop, failures = threading.Event(), []

    def ask() -> None:
        with httpx.Client() as client:
            turn = 0
            while not stop.wait(0.02):
                turn += 1
                headers = {"Authorization": f"Token {turn % 50}"}
                reply = client.get(f"{url}/note/", headers=headers)
                if reply.status_code != 200:
                    failures.append(reply)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not failures


WATCH_FOCUS = """() => new MutationObserver(() => { window.focused = document.activeElement.tagName; })
  .observe(document.getElementById("log-in"), { attributes: true })"""
"""Notes what has the focus at once when the form to log in is hidden."""

NOTE_MESSAGES = """() => { window.noted = []; new MutationObserver((changes) => {
  for (const change of changes) for (const line of change.addedNodes) window.noted.push(line.textContent);
}).observe(document.getElementById("told"), { childList: true }); }"""


def noted(page: Any) -> Callable[[str], None]:
    """Waits for one of the messages from now on, though each goes away by itself after a few seconds."""
    page.evaluate(NOTE_MESSAGES)

    def wait_for(message: str) -> None:
        deadline = time.monotonic() + 60
        while message not in (shown := "\n".join(page.evaluate("noted"))):
            assert time.monotonic() < deadline, shown
            page.wait_for_timeout(50)

    return wait_for


def row(page: Any, operation: str) -> Any:
    """The operation's row in the table."""
    verb, rule = operation.split(" ")
    return page.locator(
        "tr.op", has=page.locator("button", has_text=re.compile(f"^{verb} {rule}$"))
    )


def act(url: str, method: str, path: str, **body: Any) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = {"by": "tom", **body}
    reply = httpx.request(method, f"{url}/_cutover/{path}", json=body, headers=headers)
    assert reply.status_code == 200, reply.text


def test_a_ramp_is_seen_to_be_rolled_back(
    serve_operated: ServeOperated, open_page: OpenPage
) -> None:
    bug = Bug()
    url = serve_operated(bug).url
    # Latency is not judged: a busy machine makes it inconclusive, and the ramp would wait.
    act(url, "PUT", "budget", name="*", limits={"samples": 5, "latency_ratio": 0})
    page = open_page(url)
    row(page, "GET /note/").get_by_role("button").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_label("Steps").fill("shadow,50")
    drawer.get_by_label("Replies per step").fill("10")
    drawer.get_by_label("Seconds per step").fill("1")
    drawer.get_by_label("Why").fill("it is ready")
    wait_for_message = noted(page)
    drawer.get_by_role("button", name="Start ramp").click()
    # Nobody asks yet, so it stays at its first step until that has been looked at.
    drawer.get_by_role("button", name="Pause").wait_for()
    drawer.locator(".chip.mode", has_text="shadow").wait_for()
    wait_for_message("GET /note/: legacy → shadow")
    with traffic(url):
        # The last step: pairs go on being compared, however slow this machine is.
        drawer.locator(".chip.mode", has_text="canary 50%").wait_for()
        bug.kind = "differs"
        drawer.get_by_text("pairs differ, allowed are").first.wait_for()
        drawer.locator(".chip.held").wait_for()
    page.keyboard.press("Escape")
    row(page, "GET /note/").get_by_text("rolled back").wait_for()
    waiting = page.locator("#waiting")
    waiting.get_by_role("button", name="Why?").click()
    marked = drawer.locator(".side tr.off").first
    marked.wait_for()
    assert marked.locator("td").all_inner_texts() == ['      "text": "two"', '      "text": "TWO"']
    places = drawer.locator(".places tbody tr").first.locator("td").all_inner_texts()
    assert places[:3] == ["body/notes/1/text", "two", "TWO"]
    drawer.get_by_text(re.compile("from canary")).wait_for()
    page.keyboard.press("Escape")
    changes = page.locator("#history tbody tr")
    changes.filter(has_text="the bridge").filter(has_text="canary 50% → legacy").first.wait_for()
    changes.filter(has_text=ADMIN).filter(has_text="it is ready").first.wait_for()

    waiting.get_by_role("button", name="Acknowledge…").click()
    page.get_by_label("Why").last.fill("mended")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    waiting.wait_for(state="hidden")
    changes.filter(has_text="mended").first.wait_for()


def test_all_of_it_by_keyboard(serve_operated: ServeOperated, open_page: OpenPage) -> None:
    url = serve_operated().url
    page = open_page(url, log_in=False)
    keys = page.keyboard
    # The page asks first whether somebody is logged in.
    page.locator('[name="user"]:focus').wait_for()
    keys.type(ADMIN)
    keys.press("Tab")
    keys.type(PASSWORD)
    page.evaluate(WATCH_FOCUS)
    keys.press("Enter")
    page.locator("tr.op").first.wait_for()
    assert page.evaluate("focused") == "BODY", "no key goes to the form that is hidden"
    keys.press("/")
    keys.type("get tag")
    page.locator("#count", has_text="1 of 6").wait_for()
    keys.press("ArrowDown")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    keys.press("Enter")
    drawer = page.get_by_role("dialog")
    drawer.wait_for()
    for _ in range(40):
        keys.press("Tab")
        if page.evaluate("document.activeElement.name") == "mode":
            break
    keys.type("mirror")
    keys.press("Tab")
    keys.press("Enter")
    drawer.locator(".chip.mode", has_text="mirror").wait_for()
    keys.press("Escape")
    drawer.wait_for(state="hidden")
    # Back where one came from, though the table was drawn again meanwhile.
    assert page.evaluate("document.activeElement.textContent") == "GET /tag/"
    assert row(page, "GET /tag/").locator(".chip.mode").inner_text() == "mirror"

    page.get_by_role("button", name="Kill switch…").focus()
    keys.press("Enter")
    page.get_by_role("dialog").wait_for()
    keys.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    keys.press("Enter")
    # By its role: the first dialog is closed, and may not be taken out of the page yet.
    page.get_by_role("dialog").get_by_text("1 operation has the port in use now").wait_for()
    keys.type("smoke")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")
    banner = page.get_by_role("alert").filter(has_text="The kill switch is on")
    banner.wait_for()
    assert "by ann: smoke" in banner.inner_text()
    assert httpx.get(f"{url}/tag/").headers["x-served-by"] == "legacy"
    banner.get_by_role("button", name="Lift it…").focus()
    keys.press("Enter")
    keys.press("Enter")
    banner.wait_for(state="hidden")
    assert httpx.get(f"{url}/tag/").headers["x-served-by"] == "ported"


def test_who_may_not_is_told_and_who_leaves_is_out(
    serve_operated: ServeOperated, open_page: OpenPage
) -> None:
    url = serve_operated().url
    page = open_page(url, log_in=False, refusals=True)
    page.get_by_label("User").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_text("bob is not an admin of the application").wait_for()
    page.get_by_label("Your name").fill("tom")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in with the token").click()
    page.locator("tr.op").first.wait_for()
    assert page.locator("#name").inner_text() == "tom"
    # No script can read what proves it.
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])").count(TOKEN) == 0
    page.reload()
    page.locator("tr.op").first.wait_for()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("User").wait_for()
    assert page.locator("#board").is_hidden()


def test_ramps_budgets_and_shares_from_the_page(
    serve_operated: ServeOperated, open_page: OpenPage
) -> None:
    url = serve_operated().url
    page = open_page(url)
    act(url, "POST", "ramp/start", operation="GET /note/", seconds=600)
    ramp = page.locator("#ramps li")
    ramp.get_by_role("button", name="Pause").click()
    ramp.get_by_text("the ramp is paused").wait_for()
    resume = ramp.get_by_role("button", name="Resume")
    # The button is the same one still, so whoever works by keyboard does not lose it.
    assert page.evaluate("document.activeElement.textContent") == "Resume"
    resume.click()
    ramp.get_by_text("of this step").wait_for()
    row(page, "GET /note/").get_by_role("button").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("button", name="End ramp here").click()
    drawer.get_by_text("Ramp aborted").wait_for()
    drawer.get_by_text("Budget (as for all)").click()
    drawer.get_by_label("latency ratio", exact=True).fill("1.5")
    drawer.get_by_role("button", name="Change budget").click()
    drawer.get_by_text("1.5 × the legacy's").wait_for()
    drawer.get_by_label("Share of users").fill("12.5")
    drawer.get_by_role("button", name="Set").click()
    drawer.locator(".chip.mode", has_text="canary 12.5%").wait_for()
    history = httpx.get(
        f"{url}/_cutover/history", headers={"Authorization": f"Bearer {TOKEN}"}
    ).json()["history"]
    told = [(one["changed_by"], one["kind"], one["to"]) for one in history[:3]]
    assert (ADMIN, "budget", "latency_ratio 1.5") in told
    assert (ADMIN, "mode", "canary 12.5%") in told


def test_what_can_not_be_done_is_told(serve_operated: ServeOperated, open_page: OpenPage) -> None:
    page = open_page(serve_operated().url, refusals=True)
    page.get_by_role("button", name="Move several…").click()
    page.get_by_role("textbox", name="Operations").fill("DELETE /note/*")
    page.get_by_role("textbox", name="Mode").fill("ported")
    page.get_by_role("button", name="Move them").click()
    page.get_by_text("the port does not implement 'DELETE /note/<int:idx>/'").wait_for()


def test_without_a_stream_it_asks_again_and_again(
    serve_operated: ServeOperated, open_page: OpenPage
) -> None:
    url = serve_operated().url
    page = open_page(url, log_in=False, refusals=True)
    page.route("**/events", lambda route: route.abort())
    page.get_by_label("User").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_text("asking every 3 s").wait_for()
    act(url, "PUT", "mode", operation="GET /tag/", mode="ported")
    row(page, "GET /tag/").locator(".chip.mode", has_text="ported").wait_for()


def test_an_older_history_never_takes_the_place_of_a_newer(
    serve_operated: ServeOperated, open_page: OpenPage
) -> None:
    url = serve_operated().url
    page = open_page(url)
    changes = page.locator("#history tbody tr")
    changes.first.wait_for()
    held: list[Any] = []

    def hold_the_first(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route("**/history?limit=200", hold_the_first)
    act(url, "PUT", "mode", operation="GET /tag/", mode="shadow")
    deadline = time.monotonic() + 60
    while not held:
        assert time.monotonic() < deadline, "the page does not ask"
        page.wait_for_timeout(50)
    act(url, "PUT", "mode", operation="GET /tag/", mode="ported")
    newest = changes.filter(has_text="shadow → ported")
    newest.wait_for()
    ((route, older),) = held
    with page.expect_event("requestfinished", lambda request: "history" in request.url):
        route.fulfill(response=older)
    page.wait_for_timeout(300)
    assert newest.is_visible()


def test_a_database_that_is_away_is_told(
    serve_operated: ServeOperated, open_page: OpenPage, modes_url: str
) -> None:
    url = serve_operated().url
    act(url, "PUT", "mode", operation="GET /tag/", mode="ported")
    page = open_page(url, refusals=True)
    tables = ("bridge_revision", "bridge_example")
    with sqlite3.connect(modes_url.removeprefix("sqlite:///"), timeout=60) as breaking:
        for table in tables:
            breaking.execute(f"ALTER TABLE {table} RENAME TO away_{table}")
    banner = page.get_by_role("alert").filter(has_text="these are the last known modes")
    banner.wait_for()
    assert row(page, "GET /tag/").locator(".chip.mode").inner_text() == "ported"
    row(page, "GET /tag/").get_by_role("button").click()
    page.get_by_text("Not known now").first.wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    page.get_by_text("nothing was changed").wait_for()
    assert httpx.get(f"{url}/tag/").headers["x-served-by"] == "ported"
    with sqlite3.connect(modes_url.removeprefix("sqlite:///"), timeout=60) as mending:
        for table in tables:
            mending.execute(f"ALTER TABLE away_{table} RENAME TO {table}")
    page.keyboard.press("Escape")
    banner.wait_for(state="hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark_and_on_a_narrow_screen(
    serve_operated: ServeOperated, open_page: OpenPage, scheme: str
) -> None:
    url = serve_operated(Bug("differs")).url
    act(url, "PUT", "mode", operation="GET /note/", mode="shadow")
    act(url, "PUT", "mode", operation="POST /note/", mode="mirror")
    act(url, "POST", "ramp/start", operation="GET /tag/")
    act(url, "POST", "rollback", operation="GET /note/<int:idx>/", why="a long reason " * 10)
    for _ in range(3):
        httpx.get(f"{url}/note/")
    page = open_page(url, color_scheme=scheme, viewport={"width": 600, "height": 900})
    row(page, "GET /note/").get_by_text("3 of 3").wait_for()
    check(page)
    row(page, "GET /note/").get_by_role("button").click()
    page.locator(".side tr.off").first.wait_for()
    check(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Kill switch…").click()
    check(page)


def check(page: Any) -> None:
    """Nothing is wider than the screen, everything has a name, all text stands out."""
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    unnamed = page.evaluate(UNNAMED)
    assert unnamed == []
    told = page.evaluate(CONTRAST)
    assert len(told) > 20
    assert {name: ratio for name, ratio in told.items() if ratio < 4.5} == {}
