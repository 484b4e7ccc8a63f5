"""Sessions of the page: signed, on the server, over for every worker as soon as somebody logs out."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest
from itsdangerous import TimestampSigner

from legacy_bridge.control.session import SESSION_SECONDS, Session, SessionKind, Sessions
from legacy_bridge.database.connection import Database
from legacy_bridge.modes.store import ModeStore
from tests.bridge import operated
from tests.bridge.conftest import ServeOperated
from tests.bridge.operated import ADMIN, PASSWORD, TOKEN

PAGE = {"x-cutover-page": "1"}
ANN = Session("Ánn. b", SessionKind.TOKEN)


@pytest.fixture
async def database(modes_url: str) -> AsyncIterator[Database]:
    store = ModeStore(modes_url)
    await store.create()
    yield store.database
    await store.close()


async def test_a_session_is_everywhere_and_ends_everywhere(database: Database) -> None:
    now = time.time()
    here, there = Sessions(database, "word"), Sessions(database, "word")
    cookie = await here.issue(ANN, now)
    assert await there.read(cookie, now) == ANN
    await there.end(cookie)
    assert await here.read(cookie, now) is None
    assert await there.read(cookie, now) is None


async def test_a_session_ends_by_time_and_by_another_token(database: Database) -> None:
    now = time.time()
    sessions = Sessions(database, "word")
    cookie = await sessions.issue(ANN, now)
    assert await sessions.read(cookie, now + SESSION_SECONDS - 1) == ANN
    assert await sessions.read(cookie, now + SESSION_SECONDS + 1) is None
    assert await Sessions(database, "another word").read(cookie, now) is None
    assert await Sessions(database, None).read(cookie, now) is None


async def test_a_forged_cookie_is_nobody(database: Database) -> None:
    now = time.time()
    sessions = Sessions(database, "word")
    good = await sessions.issue(ANN, now)
    mine = TimestampSigner("word", salt="cutover session").sign(good.split(".")[0]).decode()
    for bad in (
        "",
        ".",
        "a.b.c",
        good[:-1],
        good + "A",
        "€." + good,
        mine,
        "x" * 100_000,
        good.upper(),
    ):
        assert await sessions.read(bad, now) is None, bad[:80]


async def test_the_database_holds_no_cookie_and_no_token(
    database: Database, modes_url: str
) -> None:
    cookie = await Sessions(database, "word").issue(ANN, time.time())
    with open(modes_url.removeprefix("sqlite:///"), "rb") as file:  # noqa: ASYNC230
        stored = file.read()
    assert cookie.split(".")[0].encode() not in stored


@pytest.mark.parametrize(
    "credentials",
    [{"user": ADMIN, "password": PASSWORD}, {"token": TOKEN, "name": "tom"}, {"token": "of-ann"}],
)
def test_a_stolen_cookie_is_worth_nothing_after_the_log_out(
    serve_operated: ServeOperated, modes_url: str, credentials: dict[str, str]
) -> None:
    """On another worker, too: they share the database and nothing else."""
    first, second = serve_operated(), serve_operated()
    urls = [f"{one.url}/_cutover" for one in (first, second)]
    with httpx.Client(headers=PAGE) as client:
        assert client.post(f"{urls[0]}/session", json=credentials).status_code == 200
        cookie = client.cookies["cutover_session"]
        stolen = {"Cookie": f"cutover_session={cookie}", **PAGE}
        for url in urls:
            assert httpx.get(f"{url}/status", headers=stolen).status_code == 200
        assert client.delete(f"{urls[0]}/session").status_code == 200
    for url in urls:
        assert httpx.get(f"{url}/status", headers=stolen).status_code == 401
        change = {"operation": "GET /note/", "mode": "shadow"}
        assert httpx.put(f"{url}/mode", json=change, headers=stolen).status_code == 401
        assert httpx.get(f"{url}/session", headers=stolen).json()["name"] is None
    for part in cookie.split("."):
        headers = {"Authorization": f"Bearer {part}"}
        assert httpx.get(f"{urls[0]}/status", headers=headers).status_code == 401
    assert "of-ann" not in cookie


def test_the_stream_of_news_ends_with_the_session(serve_operated: ServeOperated) -> None:
    url = f"{serve_operated().url}/_cutover"
    with httpx.Client(headers=PAGE, timeout=60) as client:
        client.post(f"{url}/session", json={"token": TOKEN, "name": "tom"})
        stolen = {"Cookie": f"cutover_session={client.cookies['cutover_session']}"}
        with httpx.stream("GET", f"{url}/events", headers=stolen, timeout=60) as events:
            lines = events.iter_lines()
            assert next(lines).startswith("retry")
            client.delete(f"{url}/session")
            assert "event: bye" in lines


def test_an_admin_who_is_one_no_more_is_out(
    serve_operated: ServeOperated, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Changing(operated.SmallOperators):
        admins = frozenset({ADMIN})

        async def is_admin(self, name: str) -> bool:
            return name in self.admins

    operators = Changing()
    monkeypatch.setattr("legacy_bridge.control.access._KNOWN_SECONDS", 0.0)
    url = f"{serve_operated(operators=operators).url}/_cutover"
    with httpx.Client(headers=PAGE) as client:
        client.post(f"{url}/session", json={"user": ADMIN, "password": PASSWORD})
        assert client.get(f"{url}/status").status_code == 200
        operators.admins = frozenset()
        deadline = time.monotonic() + 30
        while client.get(f"{url}/status").status_code != 401:
            assert time.monotonic() < deadline, "still an admin"
            time.sleep(0.2)


def test_a_log_out_without_the_database_says_so(
    serve_operated: ServeOperated, monkeypatch: pytest.MonkeyPatch
) -> None:
    from legacy_bridge.database.connection import StoreError

    url = f"{serve_operated().url}/_cutover"
    with httpx.Client(headers=PAGE) as client:
        client.post(f"{url}/session", json={"token": TOKEN, "name": "tom"})

        async def away(*_: object) -> None:
            raise StoreError("the database is away")

        monkeypatch.setattr(Sessions, "end", away)
        reply = client.delete(f"{url}/session")
        assert reply.status_code == 503
        assert "log out again" in reply.json()["error"]
        assert not client.cookies, "the browser forgets it anyway"
