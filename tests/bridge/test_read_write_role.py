"""A bridge whose role in PostgreSQL may read and write rows, and create nothing: where a database is kept by others."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import make_url

from legacy_bridge.evidence.store import EvidenceStore
from legacy_bridge.modes.store import ModeStore, StoreError, Writes

pytestmark = pytest.mark.postgresql

ROLE = "reads_and_writes"


@pytest.fixture
def restricted_url(postgresql_server: Any, postgresql_url: str) -> Iterator[str]:
    """The same database by a role that has no more than the rows."""
    url = make_url(postgresql_url)
    name = url.database

    def run(*statements: str) -> None:
        for statement in statements:
            postgresql_server.psql(f"\\connect {name}\n{statement};")

    run(
        f"CREATE ROLE {ROLE} LOGIN",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES "
        f"TO {ROLE}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {ROLE}",
    )
    yield url.set(username=ROLE).render_as_string(hide_password=False)
    run(f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}")


async def test_it_starts_once_its_tables_exist(postgresql_url: str, restricted_url: str) -> None:
    restricted = ModeStore(restricted_url)
    with pytest.raises(StoreError, match="permission denied for schema public"):
        await restricted.create()
    owner = ModeStore(postgresql_url)
    await owner.create()
    await owner.close()

    await restricted.create()
    await restricted.apply(
        lambda _: Writes(modes={"GET /thing/": "ported"}), unset="legacy", who="test", why=""
    )
    assert "GET /thing/" in (await restricted.load()).modes
    assert await EvidenceStore(restricted.database).read(0) == []
    await restricted.close()


@pytest.mark.legacy
def test_the_command_works_too(
    postgresql_url: str, restricted_url: str, legacy_env: Callable[..., dict[str, str]]
) -> None:
    async def prepare() -> None:
        owner = ModeStore(postgresql_url)
        await owner.create()
        await owner.close()

    asyncio.run(prepare())
    done = subprocess.run(
        [sys.executable, "-m", "legacy_bridge.cli", "status", "--json"],
        env=legacy_env(restricted_url),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["killed"] is None
