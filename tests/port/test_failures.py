"""When things fail: a commit, the database, the code itself. Never a 200, never a page of HTML."""

import socket
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.config import Settings
from cornflow_f.errors import ConfigurationError
from cornflow_f.main import create_app
from cornflow_f.models import Role, User
from cornflow_f.security import create_token
from cornflow_f.services import role as role_service
from tests.port.conftest import SECRET, Port, StartPort


async def test_a_failing_commit_is_not_reported_as_success(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: AsyncSession) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AsyncSession, "commit", fail)
    reply = await port.call("POST", "/roles/", json={"name": "x"})
    monkeypatch.undo()
    assert reply.status_code == 400
    assert reply.json() == {"error": "Unknown error on saving with data <Role x>"}
    assert (await port.execute(select(func.count(Role.id)))).scalar() == 5


async def test_a_full_disk_loses_nothing(port: Port, sqlite_url: str) -> None:
    # SQLite's own limit stands for the disk's: the next page does not fit.
    async with port.app.state.engine.connect() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar()
    big = "x" * 200_000

    async def limit() -> None:
        async with port.app.state.engine.connect() as connection:
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    await limit()
    reply = await port.call("POST", "/roles/", json={"name": big})
    assert reply.status_code == 400
    assert reply.json()["error"].startswith("Unknown database error on saving with data <Role ")
    users = (await port.call("GET", "/user/")).json()
    assert len(users) == 4


async def test_an_unreachable_database_is_a_503(tmp_path: Path) -> None:
    import httpx

    settings = Settings(
        DATABASE_URL=f"sqlite:///{tmp_path / 'missing' / 'x.db'}",
        SECRET_KEY="s",
        FLASK_ENV="production",
    )
    app = create_app(settings)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://port"
    ) as client:
        reply = await client.post("/login/", json={"username": "a", "password": "b"})
    assert reply.status_code == 503
    assert reply.json()["message"] == "503 Service Unavailable"
    await app.state.engine.dispose()


@pytest.mark.parametrize(("env", "shown"), [("production", False), ("development", True)])
async def test_an_unexpected_error_is_a_500_in_json(
    start_port: StartPort, monkeypatch: pytest.MonkeyPatch, env: str, shown: bool
) -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError("secret detail")

    port = await start_port(FLASK_ENV=env)
    monkeypatch.setattr(role_service, "list_all", fail)
    reply = await port.call("GET", "/roles/", headers={"Origin": "http://a.b"})
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["access-control-allow-origin"] == "http://a.b"
    assert ("secret detail" in reply.text) is shown


async def test_a_user_whose_role_cant_be_given_stays(start_port: StartPort) -> None:
    port = await start_port(SIGNUP_ACTIVATED="1", DEFAULT_ROLE="99")
    body = {"username": "new", "email": "new@cornflow.org", "password": "Password-1!"}
    reply = await port.call("POST", "/signup/", as_=None, json=body)
    assert (reply.status_code, reply.json()) == (
        400,
        {"error": "Integrity error on saving with data 5 has role 99"},
    )
    found = await port.execute(select(User.id).where(User.username == "new"))
    assert found.scalar() == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("USER_ACCESS_ALL_OBJECTS", "2"),
        ("LOG_LEVEL", "7"),
        ("APPLICATION_ROOT", "api"),
        ("AUTH_TYPE", "9"),
        ("SIGNUP_ACTIVATED", "x"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=rf"(?i){name}"):
        Settings()


def test_a_missing_secret_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SECRET_KEY"):
        create_app(Settings(DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}", SECRET_KEY=""))


async def test_the_application_may_live_under_a_prefix(start_port: StartPort) -> None:
    port = await start_port(APPLICATION_ROOT="/test")
    assert (await port.call("GET", "/test/user/")).status_code == 200
    assert (await port.call("GET", "/user/")).status_code == 404
    redirect = await port.call("GET", "/test/user?x=1")
    assert redirect.status_code == 308
    assert redirect.headers["location"] == "http://port/test/user/?x=1"
    assert (await port.call("GET", "/testuser/")).status_code == 404
    assert (await port.call("GET", "/test/openapi.json")).status_code == 200


async def test_an_exhausted_pool_is_a_503(start_port: StartPort) -> None:
    port = await start_port(CORNFLOW_F_DB_POOL_SIZE="1")
    pool = port.app.state.engine.pool
    pool._timeout, pool._max_overflow = 0.05, 0
    async with port.app.state.engine.connect():
        replies = [
            await port.call("GET", "/user/"),
            await port.call("POST", "/roles/", json={"name": "x"}),
            await port.call("POST", "/login/", as_=None, json={"username": "a", "password": "b"}),
        ]
    for reply in replies:
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
        assert reply.json()["message"] == "503 Service Unavailable"
    assert (await port.call("GET", "/user/")).status_code == 200


async def ask_raw(port: Port, receive: Any) -> list[Any]:
    """`POST /roles/` as a server asks; the messages of the reply."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"99")]
    token = f"Bearer {create_token(SECRET, 'admin', 1)}".encode()
    scope = {
        "type": "http", "method": "POST", "path": "/roles/", "raw_path": b"/roles/", "query_string": b"",
        "headers": [*headers, (b"authorization", token)], "http_version": "1.1", "scheme": "http",
        "server": ("port", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await port.app(scope, receive, send)
    return sent


async def test_whoever_runs_the_port_learns_that_the_database_was_away(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body() -> Any:
        return {"type": "http.request", "body": b'{"name": "x"}', "more_body": False}

    async def fail(*_: object, **__: object) -> None:
        raise _LOST

    assert "unavailable" not in (await ask_raw(port, body))[0]
    monkeypatch.setattr(AsyncSession, "commit", fail)
    start = (await ask_raw(port, body))[0]
    monkeypatch.undo()
    assert (start["status"], start["unavailable"]) == (503, "database")


async def test_a_client_that_goes_away_in_the_middle_is_no_failure(
    port: Port, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def body() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    assert await ask_raw(port, body) == []
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


_LOST = DBAPIError("INSERT", {}, Exception("terminating connection"), connection_invalidated=True)


@pytest.mark.parametrize(
    "error",
    [
        _LOST,
        PoolTimeout("QueuePool limit reached"),
        asyncpg.exceptions.CannotConnectNowError("the database system is starting up"),
        asyncpg.exceptions.TooManyConnectionsError("too many clients"),
        asyncpg.exceptions.ConnectionDoesNotExistError("closed in the middle"),
        asyncpg.exceptions.InterfaceError("connection is closed"),
        ConnectionRefusedError(111, "refused"),
        socket.gaierror(-2, "unknown"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_database_that_goes_away_is_a_503(
    port: Port, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(AsyncSession, "commit", fail)
    reply = await port.call("POST", "/roles/", json={"name": "x"})
    monkeypatch.undo()
    assert (reply.status_code, reply.headers.get("retry-after")) == (503, "5")


def test_a_connection_that_was_cut_before_the_statement_is_no_fault_of_the_data() -> None:
    from sqlalchemy.exc import PendingRollbackError

    from cornflow_f.database.failures import is_unreachable

    assert is_unreachable(PendingRollbackError("Can't reconnect …", code="8s2b"))
    assert not is_unreachable(PendingRollbackError("a flush failed before", code="7s2a"))
