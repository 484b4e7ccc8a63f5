"""What all tests of the port share: the application over a seeded database, and a client for it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cornflow_f.config import Settings
from cornflow_f.constants import Role
from cornflow_f.database.engine import Base
from cornflow_f.main import create_app
from cornflow_f.models import User, UserRole
from cornflow_f.security import create_token, hash_password
from cornflow_f.services.register_access import init_access
from cornflow_f.views_table import views_for

SECRET = "a-secret-of-the-tests-that-is-long-enough"
PASSWORD = "Password-1!"
USERS = {
    "admin": Role.ADMIN,
    "planner": Role.PLANNER,
    "viewer": Role.VIEWER,
    "service_user": Role.SERVICE,
}


@dataclass(frozen=True)
class Port:
    """A running port: `call(method, path, as_=user, ...)`, and its database."""

    app: FastAPI
    client: httpx.AsyncClient

    async def call(
        self, method: str, path: str, as_: str | None = "admin", **options: Any
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if as_ is not None:
            headers.setdefault("Authorization", f"Bearer {create_token(SECRET, as_, 1)}")
        return await self.client.request(method, path, headers=headers, **options)

    async def execute(self, statement: Any) -> Any:
        async with self.app.state.sessions() as session:
            result = await session.execute(statement)
            await session.commit()
            return result


StartPort = Callable[..., Awaitable[Port]]


@pytest.fixture
async def start_port(sqlite_url: str) -> AsyncIterator[StartPort]:
    """`await start_port(SETTING=value, …)`: the port on a SQLite database, seeded unless told not to."""
    started: list[Port] = []

    async def start(url: str = sqlite_url, *, seed: bool = True, **changes: Any) -> Port:
        settings = Settings(
            **{
                "DATABASE_URL": url,
                "SECRET_KEY": SECRET,
                "FLASK_ENV": "production",
                "CF_ALARMS_ENDPOINT": "1",
                "AIRFLOW_URL": "http://127.0.0.1:9",
                **changes,
            }
        )
        app = create_app(settings)
        if seed:
            await _seed(app, settings)
        transport = httpx.ASGITransport(app)
        client = httpx.AsyncClient(transport=transport, base_url="http://port")
        started.append(Port(app, client))
        return started[-1]

    yield start
    for port in started:
        await port.client.aclose()
        await port.app.state.engine.dispose()


async def _seed(app: FastAPI, settings: Settings) -> None:
    async with app.state.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with app.state.sessions() as session:
        await init_access(session, views_for(settings))
        hashed = hash_password(PASSWORD)
        for name in USERS:
            session.add(User(username=name, email=f"{name}@cornflow.org", password=hashed))
        await session.flush()
        for number, role in enumerate(USERS.values(), 1):
            session.add(UserRole(user_id=number, role_id=role.value))
        await session.commit()


@pytest.fixture
async def port(start_port: StartPort) -> Port:
    return await start_port()
