"""Guesses are limited, however many come at once, from wherever they say that they come, on every worker."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from legacy_bridge.control import attempts as attempts_module
from legacy_bridge.control.access import ControlAccess, ControlRefusedError
from legacy_bridge.control.attempts import Attempts, TooManyAttemptsError, address_of
from legacy_bridge.database.connection import Database
from legacy_bridge.modes.store import ModeStore
from tests.bridge.conftest import ServeOperated
from tests.bridge.operated import ADMIN, PASSWORD, TOKEN


def request_of(address: str, **headers: str) -> Request:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({
        "type": "http", "method": "GET", "headers": fields, "client": (address, 1), "path": "/",
        "query_string": b"",
    })  # fmt: skip


class Application:
    """Takes a moment, as bcrypt does."""

    def __init__(self) -> None:
        self.asked = 0

    async def log_in(self, client: httpx.AsyncClient, user: str, password: str) -> str | None:
        self.asked += 1
        await asyncio.sleep(0.05)
        return "a token" if password == "right" else None

    async def admin(self, token: str) -> str | None:
        return "me"

    async def is_admin(self, name: str) -> bool:
        return True


async def statuses_of(*attempts: Any) -> list[int]:
    """200, or what each was refused with."""
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    statuses = []
    for one in outcomes:
        assert not isinstance(one, BaseException) or isinstance(one, ControlRefusedError), one
        statuses.append(one.status if isinstance(one, ControlRefusedError) else 200)
    return statuses


async def test_guesses_of_the_token_are_limited() -> None:
    access = ControlAccess("the token")
    guesses = [request_of("10.0.0.9", authorization=f"Bearer guess {n}") for n in range(300)]
    statuses = await statuses_of(*(access.caller(one) for one in guesses))
    assert statuses == [401] * 30 + [429] * 270
    for _ in range(100):
        right = request_of("10.0.0.8", authorization="Bearer the token")
        assert (await access.caller(right)).name is None


async def test_wrong_passwords_at_once_are_limited_as_one_by_one() -> None:
    application = Application()
    access = ControlAccess(None, application, httpx.AsyncClient)
    statuses = await statuses_of(
        *(access.log_in("me", f"guess {number}", "10.0.0.9") for number in range(300))
    )
    assert (application.asked, statuses.count(401), statuses.count(429)) == (10, 10, 290)


async def test_wrong_passwords_are_counted_over_all_workers(
    modes_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four workers with one database: each alone would let ten through."""
    monkeypatch.setattr("legacy_bridge.database.connection._TIMEOUT", 120.0)
    store = ModeStore(modes_url)
    await store.create()
    application = Application()
    databases = [Database(modes_url) for _ in range(4)]
    try:
        workers = [ControlAccess(TOKEN, application, httpx.AsyncClient, one) for one in databases]
        statuses = await statuses_of(
            *(
                workers[number % 4].log_in("me", f"guess {number}", "10.0.0.9")
                for number in range(300)
            )
        )
        assert statuses.count(429) == 300 - statuses.count(401)
        # a minute may end in between
        assert application.asked == statuses.count(401) <= 20
        for worker in workers:
            assert (await worker.log_in("me", "right", "10.0.0.8"))[0] == "me"
        for number in range(30):
            assert (await workers[number % 4].log_in("me", "right", "10.0.0.8"))[0] == "me"
    finally:
        for one in databases:
            await one.close()
        await store.close()


async def test_a_database_that_is_away_leaves_each_workers_own_limit(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/no/folder/here.db")
    attempts = Attempts(database)
    for _ in range(10):
        async with attempts.password("10.0.0.9"):
            pass
    with pytest.raises(TooManyAttemptsError):
        async with attempts.password("10.0.0.9"):
            pass
    await database.close()


async def test_many_addresses_do_not_forgive_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts_module, "_MOST_KNOWN", 50)
    attempts = Attempts()
    for _ in range(10):
        async with attempts.password("10.0.0.9"):
            pass
    for number in range(49):
        async with attempts.password(f"10.1.0.{number}"):
            pass
    with pytest.raises(TooManyAttemptsError):
        async with attempts.password("10.0.0.9"):
            pass


def test_where_somebody_comes_from() -> None:
    assert address_of(request_of("10.0.0.9")) == "10.0.0.9"
    assert address_of(request_of("::ffff:10.0.0.9")) == "10.0.0.9"
    one, other = request_of("2001:db8::1"), request_of("2001:db8::ffff:2")
    assert address_of(one) == address_of(other), "a network of one customer"


def guess(url: str, count: int, after: str = "") -> list[int]:
    """Guesses that say they come from somewhere else each time."""
    with httpx.Client(timeout=60) as client:
        return [
            client.post(
                url,
                json={"user": ADMIN, "password": f"guess {number}"},
                headers={"X-Forwarded-For": f"10.0.0.{number}{after}"},
            ).status_code
            for number in range(count)
        ]


def test_a_header_does_not_change_who_guesses(
    serve_operated: ServeOperated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    url = f"{serve_operated().url}/_cutover/session"
    statuses = guess(url, 25)
    # a minute may end in between
    assert statuses.count(401) <= 20
    assert statuses[-1] == 429
    right = {"user": ADMIN, "password": PASSWORD}
    assert httpx.post(url, json=right).status_code == 200, "who comes without it is another"


def test_a_proxy_that_is_trusted_says_who_guesses(
    serve_operated: ServeOperated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    url = f"{serve_operated().url}/_cutover/session"
    assert guess(url, 25) == [401] * 25
    # what the client wrote stands before what the proxy adds, and is not believed
    statuses = guess(url, 25, after=", 10.9.9.9")
    assert statuses.count(401) <= 20
    assert statuses[-1] == 429


def test_trust_in_everybody_is_no_trust(
    serve_operated: ServeOperated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    url = f"{serve_operated().url}/_cutover/session"
    assert guess(url, 25).count(401) <= 20


@pytest.mark.postgresql
async def test_postgresql_counts_and_keeps_sessions_too(postgresql_url: str) -> None:
    store = ModeStore(postgresql_url)
    await store.create()
    one, other = (
        ControlAccess(TOKEN, Application(), httpx.AsyncClient, store.database) for _ in range(2)
    )
    statuses = await statuses_of(*(one.log_in("me", "wrong", "10.0.0.9") for _ in range(10)))
    assert statuses == [401] * 10
    statuses = await statuses_of(*(other.log_in("me", "wrong", "10.0.0.9") for _ in range(10)))
    assert 429 in statuses or time.time() % 60 < 30, "unless a minute has ended in between"
    _, cookie = await one.log_in("me", "right", "10.0.0.8")

    def with_cookie() -> Request:
        return request_of("10.0.0.8", cookie=f"cutover_session={cookie}")

    assert (await other.caller(with_cookie())).name == "me"
    await one.log_out(cookie)
    assert await statuses_of(other.caller(with_cookie())) == [401]
    await store.close()
