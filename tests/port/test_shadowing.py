"""The port in isolation: its rows are somebody else's transaction's, and nothing leaves the process."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f import shadowing
from cornflow_f.config import Settings
from cornflow_f.database.engine import create_engine
from cornflow_f.main import create_app
from cornflow_f.models import Base, Role, User
from cornflow_f.orchestrators.http import HttpCaller, NoReply
from cornflow_f.services import mail
from cornflow_f.services.execution_files import _FOLDER
from legacy_bridge.shadow.rows.sandbox import prepare_savepoints

SECRET = "a-secret-of-the-tests-that-is-long-enough"


class World:
    """An isolation with a record of what was wanted of it."""

    def __init__(self, sessions: Any = None) -> None:
        self.sessions = sessions
        self.asked: list[str] = []
        self.http_client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(200, json={"from": "isolation"})

    def mail(self, sender: str, receiver: str, mail: str) -> None:
        self.asked.append(f"mail from {sender} to {receiver}")

    def refused(self, what: str) -> None:
        self.asked.append(what)


def test_a_sign_up_in_isolation_answers_and_leaves_no_row(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'port.db'}"
    app = create_app(Settings(database_url=url, secret_key=SECRET, signup_activated=1))
    body = {"username": "ana", "email": "ana@cornflow.org", "password": "Ana-pw1!x"}

    async def play() -> None:
        engine = create_engine(url)
        prepare_savepoints(engine)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            moment = datetime(2026, 1, 1)
            role = {"id": 2, "name": "planner", "created_at": moment, "updated_at": moment}
            await connection.execute(insert(Role).values(role))
        users = select(func.count()).select_from(User)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://port") as client:
            async with engine.connect() as connection:
                await connection.begin()
                world = World(shadowing.joined_sessions(engine, connection))
                with shadowing.isolated(world):
                    reply = await client.post("/signup/", json=body)
                    again = await client.post("/signup/", json=body)
                assert reply.status_code == 201, reply.text
                assert again.status_code == 400, "isolated requests see each other's rows"
                assert await connection.scalar(users) == 1
                await connection.rollback()
            async with AsyncSession(engine) as session:
                assert await session.scalar(users) == 0
            # nothing was learnt from rows that never were
            assert (await client.post("/login/", json=body | {"email": None})).status_code == 400
        await engine.dispose()
        await app.state.engine.dispose()

    asyncio.run(play())


def test_calls_and_mails_go_to_the_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> list[str]:
        server = mail.MailServer("127.0.0.1", 9, "service@cornflow.org", "x")
        nowhere = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
        caller = HttpCaller("Airflow", nowhere, 1.0)
        world = World()
        with shadowing.isolated(world):
            await mail.send(server, "ana@cornflow.org", "text")
            reply = await caller.send("POST", "http://airflow.test/runs")
        assert reply.json() == {"from": "isolation"}
        assert (await caller.send("GET", "http://airflow.test/")).status_code == 500
        return world.asked

    asked = ["mail from service@cornflow.org to ana@cornflow.org", "http://airflow.test/runs"]
    assert asyncio.run(play()) == asked


def test_what_nobody_takes_in_its_place_is_refused() -> None:
    world = World()
    shadowing.require_world(_FOLDER)
    with shadowing.isolated(world), pytest.raises(shadowing.OutsideError):
        shadowing.require_world(_FOLDER)
    assert world.asked == [_FOLDER]
    assert shadowing.current() is None


def test_an_isolation_that_knows_no_answer_is_an_orchestrator_that_is_away() -> None:
    def fails(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody knows", request=request)

    async def play() -> None:
        world = World()
        world.http_client = httpx.AsyncClient(transport=httpx.MockTransport(fails))
        with shadowing.isolated(world), pytest.raises(NoReply):
            await HttpCaller("Airflow", httpx.AsyncClient(), 1.0).send(
                "GET", "http://airflow.test/"
            )

    asyncio.run(play())
