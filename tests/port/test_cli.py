"""`cornflow-f`: what it does, what it prints, and one clear line with exit code 2 for what fails."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import httpx
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from cornflow_f.cli import main
from cornflow_f.security import decode_bi_token, verify_password
from parity_tests.stage.process import free_port
from tests.conftest import LegacyEnv, RunLegacy
from tests.port.schema_dump import execute, rows, sync_url

PASSWORD = "Secret-pw1!"
USER = ["-u", "ana", "-e", "ana@cornflow.org"]


class Cli:
    """Runs commands in this process on one database."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env

    def __call__(self, *arguments: str, input: str | None = None, **env: str) -> Result:
        return CliRunner().invoke(main, arguments, env=self.env | env, input=input)

    def ok(self, *arguments: str, input: str | None = None, **env: str) -> str:
        result = self(*arguments, input=input, **env)
        assert result.exit_code == 0, result.output
        return result.stdout

    def fails(self, *arguments: str, input: str | None = None, **env: str) -> str:
        """The one line of the message."""
        result = self(*arguments, input=input, **env)
        assert result.exit_code == 2, (result.exit_code, result.output, result.exception)
        lines = result.stderr.strip().splitlines()
        assert lines[-1].startswith("Error: ")
        assert "Traceback" not in result.output
        return lines[-1]


@pytest.fixture
def cli(database_url: str, legacy_env: LegacyEnv) -> Cli:
    return Cli(legacy_env(database_url))


@pytest.fixture
def sqlite_cli(sqlite_url: str, legacy_env: LegacyEnv) -> Cli:
    return Cli(legacy_env(sqlite_url))


@pytest.fixture
def ready(cli: Cli) -> Cli:
    cli.ok("migrations", "upgrade")
    cli.ok("permissions", "init")
    return cli


def test_from_nothing_to_users(cli: Cli, database_url: str) -> None:
    assert "all tables are created" in cli.ok("migrations", "upgrade")
    assert "Nothing to do" in cli.ok("migrations", "upgrade")
    added = json.loads(cli.ok("permissions", "init", "--json"))
    assert [len(added[name]["added"]) for name in added] == [5, 5, 57, 632]
    again = json.loads(cli.ok("permissions", "init", "--json"))
    assert not any(change for table in again.values() for change in table.values())

    for role in ("admin", "service", "planner", "viewer"):
        cli.ok("users", "create", role, "-u", role, "-e", f"{role}@x.org", "-p", PASSWORD, "-v")

    names = {row[0]: row[1] for row in query(database_url, "SELECT id, username FROM users")}
    roles = query(database_url, "SELECT user_id, role_id FROM user_role")
    assert {names[user]: role for user, role in roles} == {
        "admin": 3,
        "service": 4,
        "planner": 2,
        "viewer": 1,
    }


def test_the_tables_one_by_one(cli: Cli) -> None:
    cli.ok("migrations", "upgrade")
    assert "cornflow-f views init" in cli.fails("permissions", "base")
    for table in ("actions", "roles", "views"):
        assert table in cli.ok(table, "init")
    assert "632" in cli.ok("permissions", "base")
    assert "can_get" not in cli.ok("actions", "init", "-v")


def test_verbose_names_the_rows(sqlite_cli: Cli) -> None:
    sqlite_cli.ok("migrations", "upgrade")
    assert "can_get" in sqlite_cli.ok("actions", "init", "--verbose")


def test_the_settings_decide_which_views_there_are(ready: Cli) -> None:
    deleted = json.loads(ready.ok("views", "init", "--json", CF_ALARMS_ENDPOINT=""))
    assert set(deleted["views"]["deleted"]) == {"alarms", "alarms-detail", "main-alarms"}


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    engine = create_engine(sync_url(url))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


def stored_password(url: str) -> str:
    return str(query(url, "SELECT password FROM users WHERE username = 'ana'")[0][0])


def test_a_password_is_made_up_and_printed_once(ready: Cli, database_url: str) -> None:
    printed = ready.ok("users", "create", "admin", *USER)
    password = printed.splitlines()[1].removeprefix("Password: ")
    assert verify_password(password, stored_password(database_url))

    again = ready.ok("users", "create", "planner", *USER)
    assert "has the role planner now" in again
    assert "Password" not in again
    assert "Nothing is changed" in ready.ok("users", "create", "planner", *USER)
    assert verify_password(password, stored_password(database_url))


def test_a_password_from_stdin(ready: Cli, database_url: str) -> None:
    printed = ready.ok("users", "create", "admin", *USER, "--password-stdin", input=f"{PASSWORD}\n")
    assert PASSWORD not in printed
    assert verify_password(PASSWORD, stored_password(database_url))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p", "x"], "at least 5 characters"),
        (["-p", "secret-pw1!"], "uppercase and lowercase"),
        (["-p", "Secretpw1"], "one number and one special character"),
        (["-p", PASSWORD, "-e", "nobody"], "Invalid email address"),
        (["-p", PASSWORD, "--password-stdin"], "not both"),
        (["--password-stdin"], "no password on stdin"),
    ],
)
def test_what_the_legacy_refuses_is_refused(
    arguments: list[str], words: str, ready: Cli, database_url: str
) -> None:
    assert words in ready.fails("users", "create", "admin", *USER, *arguments)
    assert query(database_url, "SELECT * FROM users") == []


def test_a_user_needs_the_roles(cli: Cli) -> None:
    cli.ok("migrations", "upgrade")
    assert "cornflow-f permissions init" in cli.fails("users", "create", "admin", *USER)


def test_an_address_belongs_to_one_user(ready: Cli) -> None:
    ready.ok("users", "create", "admin", *USER)
    message = ready.fails("users", "create", "admin", "-u", "eva", "-e", "ana@cornflow.org")
    assert "another user has the e-mail address" in message


def test_a_role_marked_as_deleted_comes_back(ready: Cli, database_url: str) -> None:
    ready.ok("users", "create", "admin", *USER)
    execute(database_url, "UPDATE user_role SET deleted_at = '2020-01-01'")
    assert "has the role admin now" in ready.ok("users", "create", "admin", *USER)
    assert query(database_url, "SELECT deleted_at FROM user_role") == [(None,)]


def test_a_token_for_a_bi_tool(ready: Cli) -> None:
    ready.ok("users", "create", "service", *USER, "-p", PASSWORD)
    ready.ok("users", "create", "planner", "-u", "eva", "-e", "eva@x.org", "-p", PASSWORD)

    asking = ["users", "create", "token", "-u", "ana", "-p", PASSWORD]
    token = ready.ok(*asking, "-i", "2").strip()
    claims = decode_bi_token(token, ready.env["SECRET_BI_KEY"])
    assert claims["sub"] == "eva"
    assert "exp" not in claims

    assert "User does not exist" in ready.fails(*asking, "-i", "77")
    refused = ["users", "create", "token", "-i", "1"]
    for who in (
        ["-u", "ana", "-p", "wrong"],
        ["-u", "eva", "-p", PASSWORD],
        ["-u", "x", "-p", "x"],
    ):
        assert "no permissions to generate tokens" in ready.fails(*refused, *who)
    assert "--password-stdin" in ready.fails(*refused, "-u", "ana")
    assert "SECRET_BI_KEY" in ready.fails(*asking, "-i", "2", SECRET_BI_KEY="")


@pytest.mark.legacy
def test_the_legacys_commands_meet_the_ports(
    sqlite_cli: Cli, sqlite_url: str, run_legacy: RunLegacy
) -> None:
    """A database set up by the legacy is ready for the port, and its CLI finds nothing to change."""
    run_legacy(
        sqlite_url,
        f"""
        legacy_upgrade()
        from cornflow.commands import access_init_command, create_user_with_role
        access_init_command()
        create_user_with_role("ana", "ana@cornflow.org", "{PASSWORD}", "admin", 3)
        """,
    )
    before = rows(sqlite_url)

    assert "adopted as it is" in sqlite_cli.ok("migrations", "upgrade")
    sqlite_cli.ok("permissions", "init")
    assert "Nothing is changed" in sqlite_cli.ok("users", "create", "admin", *USER)

    assert rows(sqlite_url) == before


def test_revisions_are_shown(cli: Cli) -> None:
    cli.ok("migrations", "upgrade")
    shown = json.loads(cli.ok("migrations", "current", "--json"))
    assert shown["revision"] == [shown["head"]]
    assert shown["legacy_revision"] == ["4729cd156460"]
    assert shown["head"] in cli.ok("migrations", "current")


def test_stepping_back_and_forth(cli: Cli) -> None:
    cli.ok("migrations", "upgrade")
    assert "-> none" in cli.ok("migrations", "downgrade")
    assert "nothing to undo" in cli.fails("migrations", "downgrade")
    assert "adopted" in cli.ok("migrations", "upgrade")


NEEDS_DATABASE = [["permissions", "init"], ["users", "create", "admin", *USER], ["serve"]]


@pytest.mark.parametrize("command", NEEDS_DATABASE)
def test_without_migrations_nothing_starts(command: list[str], cli: Cli, tmp_path: Path) -> None:
    assert "cornflow-f migrations upgrade" in cli.fails(*command)
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize("command", [*NEEDS_DATABASE, ["migrations", "upgrade"]])
def test_an_unreachable_server(command: list[str], sqlite_cli: Cli) -> None:
    message = sqlite_cli.fails(
        *command, DATABASE_URL="postgresql://ana:hidden@127.0.0.1:9/cornflow"
    )
    assert "postgresql://ana:***@127.0.0.1:9/cornflow can't be reached" in message
    assert "hidden" not in message


@pytest.mark.postgresql
def test_a_database_that_was_dropped(sqlite_cli: Cli, postgresql_server: Any) -> None:
    url = postgresql_server.get_uri("dropped")
    assert "does not exist. Create the database" in sqlite_cli.fails("serve", DATABASE_URL=url)


@pytest.mark.postgresql
def test_a_server_that_stopped(sqlite_cli: Cli, tmp_path: Path) -> None:
    url = f"postgresql://postgres:@/cornflow?host={tmp_path}"
    assert "can't be reached" in sqlite_cli.fails("serve", DATABASE_URL=url)


@pytest.mark.parametrize("command", [["serve"], ["migrations", "upgrade"]])
def test_a_file_that_is_no_database(command: list[str], sqlite_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "cornflow.db").write_text("certainly not a database " * 100)
    assert "file is not a database" in sqlite_cli.fails(*command)


def test_a_folder_that_is_missing(sqlite_cli: Cli, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'cornflow.db'}"
    message = sqlite_cli.fails("migrations", "upgrade", DATABASE_URL=url)
    assert "Check that the folder exists" in message


def test_a_connection_that_fails_has_ended_before_its_loop(
    sqlite_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread reports to the loop: later it would find it closed, and print a traceback."""
    tracebacks: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", tracebacks.append)
    usual = aiosqlite.Connection.stop

    def slowly(connection: aiosqlite.Connection) -> Any:
        connection._tx.put_nowait((None, lambda: time.sleep(0.5)))
        return usual(connection)

    monkeypatch.setattr(aiosqlite.Connection, "stop", slowly)
    url = f"sqlite:///{tmp_path / 'missing' / 'cornflow.db'}"
    assert "Check that the folder exists" in sqlite_cli.fails(
        "migrations", "upgrade", DATABASE_URL=url
    )
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join(20)
    assert tracebacks == []


def test_a_locked_database(
    sqlite_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_cli.ok("migrations", "upgrade")
    monkeypatch.setattr("cornflow_f.database.engine.create_engine.__kwdefaults__", {"pool_size": 1, "busy_timeout_ms": 200})  # fmt: skip
    with sqlite3.connect(tmp_path / "cornflow.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "Another program holds it" in sqlite_cli.fails("permissions", "init")
        other.execute("ROLLBACK")
    sqlite_cli.ok("permissions", "init")


def test_a_table_that_was_dropped(cli: Cli, database_url: str) -> None:
    cli.ok("migrations", "upgrade")
    execute(database_url, "DROP TABLE main_alarms")
    assert "lacks main_alarms" in cli.fails("serve")


def test_a_legacy_that_went_on(cli: Cli, database_url: str) -> None:
    cli.ok("migrations", "upgrade")
    execute(database_url, "UPDATE alembic_version SET version_num = 'fedcba987654'")
    assert "revision fedcba987654, which is not one of Cornflow 1.3.9's" in cli.fails("serve")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DATABASE_URL": "sqlite:///cornflow.db"}, "relative path"),
        ({"DATABASE_URL": "mysql://x/y"}, "use sqlite:// or postgresql://"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL can't be read"),
        ({"DATABASE_URL": "postgresql://x/y?keepalives=1"}, "parameter 'keepalives'"),
        ({"DEFAULT_POSTGRES": "yes"}, "DEFAULT_POSTGRES must be 0 or 1"),
        ({"AUTH_TYPE": "7"}, "AUTH_TYPE"),
        ({"APPLICATION_ROOT": "api"}, "APPLICATION_ROOT must start with '/'"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
    ],
)
def test_settings_that_can_not_work(changes: dict[str, str], words: str, sqlite_cli: Cli) -> None:
    assert words in sqlite_cli.fails("serve", **changes)


def test_the_settings_are_listed_without_secrets(sqlite_cli: Cli) -> None:
    secret = sqlite_cli.env["SECRET_KEY"]
    url = "postgresql://ana:hidden@127.0.0.1:9/cornflow"
    listed = json.loads(sqlite_cli.ok("config", "list", "--json", DATABASE_URL=url))
    assert listed["SECRET_KEY"] == listed["AIRFLOW_PWD"] == "***"
    assert listed["DATABASE_URL"] == "postgresql://ana:***@127.0.0.1:9/cornflow"
    assert listed["PWD_ROTATION_TIME"] == "120"
    assert listed["CF_ALARMS_ENDPOINT"] == "1"
    assert "AUTH_TYPE" in sqlite_cli.ok("config", "list")
    shown = json.loads(sqlite_cli.ok("config", "list", "--json", "--show-secrets"))
    assert shown["SECRET_KEY"] == secret
    assert sqlite_cli.ok("config", "get", "-k", "secret_key").strip() == secret
    assert "cornflow-f config list" in sqlite_cli.fails("config", "get", "-k", "nothing")


def test_the_settings_are_saved(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli.ok("config", "save", "-p", f"{tmp_path}/", "--show-secrets")
    saved = tmp_path / "config.cfg"
    assert "AUTH_TYPE = 1" in saved.read_text().splitlines()
    assert sqlite_cli.env["SECRET_KEY"] in saved.read_text()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert "can't be written" in sqlite_cli.fails("config", "save", "-p", f"{tmp_path}/missing/")


@contextmanager
def serving(cli: Cli, *arguments: str) -> Iterator[str]:
    """The server as a process of its own; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "cornflow_f.cli", "serve", "--port", str(port), *arguments]
    process = subprocess.Popen(
        command, env=cli.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{address}/health/", timeout=60)
                break
            except httpx.TransportError:
                assert process.poll() is None, process.stdout and process.stdout.read()
                assert time.monotonic() < deadline, "the server does not start"
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)
        if process.stdout:
            process.stdout.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves(workers: str, sqlite_cli: Cli) -> None:
    sqlite_cli.ok("migrations", "upgrade")
    sqlite_cli.ok("permissions", "init")
    sqlite_cli.ok("users", "create", "admin", *USER, "-p", PASSWORD)

    with serving(sqlite_cli, "--workers", workers) as address:
        login = httpx.post(f"{address}/login/", json={"username": "ana", "password": PASSWORD})
        assert login.status_code == 200
        headers = {"Authorization": f"Bearer {login.json()['token']}"}
        users = httpx.get(f"{address}/user/", headers=headers)
        assert [user["username"] for user in users.json()] == ["ana"]
        port = address.rpartition(":")[2]
        assert "could not start" in subprocess_fails(sqlite_cli, "serve", "--port", port)


def subprocess_fails(cli: Cli, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cornflow_f.cli", *arguments],
        env=cli.env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_current_folder_does_not_matter(sqlite_cli: Cli, tmp_path: Path) -> None:
    """Not even one with a package `migrations` of its own and an alembic.ini."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "__init__.py").touch()
    (tmp_path / "migrations" / "env.py").write_text("raise SystemExit('not ours')")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "cornflow_f.cli", "migrations", "upgrade"],
        env=sqlite_cli.env
        | {"PYTHONPATH": os.pathsep.join([root, sqlite_cli.env.get("PYTHONPATH", "")])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "all tables are created" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["serve"],
        ["migrations", "upgrade"],
        ["migrations", "downgrade"],
        ["permissions", "init"],
        ["users", "create"],
        ["users", "create", "token"],
        ["config", "save"],
    ],
)
def test_help_teaches(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5
