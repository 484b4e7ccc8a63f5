"""`cornflow-f dags sync` and `service init` against the runner, beside the legacy's own commands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cornflow_f.cli import main
from parity_tests.stage.process import free_port
from tests.runner.conftest import StartRunner
from tests.runner.world import World

Command = Callable[..., Result]


@pytest.fixture
def command(world: World, tmp_path: Path) -> Command:
    """`cornflow-f` on a database of its own, with the legacy's other settings."""
    environment = world.environment | {"DATABASE_URL": f"sqlite:///{tmp_path / 'port.db'}"}

    def run(*arguments: str, **variables: str | None) -> Result:
        return CliRunner().invoke(main, arguments, env={**environment, **variables})

    return run


def registry(database: Path) -> dict[str, tuple[Any, ...]]:
    columns = "instance_schema, solution_schema, config_schema, instance_checks_schema, "
    columns += "solution_checks_schema, kpis_schema"
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            f"SELECT id, description, {columns} FROM deployed_workflows"
        ).fetchall()
    return {row[0]: (row[1], *map(json.loads, row[2:])) for row in rows}


def permissions(database: Path) -> set[tuple[str, str]]:
    statement = "SELECT dag_id, username FROM permission_dag JOIN users ON users.id = permission_dag.user_id"
    with sqlite3.connect(database) as connection:
        return set(connection.execute(statement).fetchall())


def test_sync_registers_what_the_legacy_would(
    world: World, start_runner: StartRunner, command: Command, tmp_path: Path
) -> None:
    start_runner()
    for setup in (("migrations", "upgrade"), ("permissions", "init")):
        assert command(*setup).exit_code == 0
    for role, name in (("planner", "planner"), ("service", "service_user")):
        created = command("users", "create", role, "-u", name, "-e", f"{name}@cornflow.org")
        assert created.exit_code == 0, created.output

    first = command("dags", "sync", "--json")
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    own, theirs = tmp_path / "port.db", world.folder / "cornflow.db"
    assert registry(own) == registry(theirs)
    assert set(told["registered"]) == set(registry(theirs))
    assert permissions(own) == permissions(theirs)
    assert told["permissions"] == len(permissions(own))

    again = json.loads(command("dags", "sync", "--json").stdout)
    assert again == {"registered": [], "permissions": 0, "started": []}
    started = command("dags", "sync", "--update-schemas", "--json")
    assert json.loads(started.stdout)["started"] == ["update_all_schemas"], started.output


def test_a_closed_deployment_gives_administrators_and_service_users_only(
    start_runner: StartRunner, command: Command, tmp_path: Path
) -> None:
    start_runner()
    command("migrations", "upgrade")
    command("permissions", "init")
    for role in ("viewer", "planner", "admin", "service"):
        command("users", "create", role, "-u", role, "-e", f"{role}@cornflow.org")
    assert command("dags", "sync", OPEN_DEPLOYMENT="0").exit_code == 0
    assert {user for _, user in permissions(tmp_path / "port.db")} == {"admin", "service"}
    given = json.loads(command("dags", "permissions", "--json").stdout)
    assert given == {"permissions": 2 * len(registry(tmp_path / "port.db"))}
    assert {user for _, user in permissions(tmp_path / "port.db")} == {
        "viewer",
        "planner",
        "admin",
        "service",
    }


def test_sync_without_airflow_says_so_and_changes_nothing(command: Command, tmp_path: Path) -> None:
    command("migrations", "upgrade")
    nobody = f"http://127.0.0.1:{free_port()}"
    refused = command("dags", "sync", "--wait", "0.2", AIRFLOW_URL=nobody)
    assert refused.exit_code == 2
    assert f"Airflow at {nobody} is not healthy" in refused.stderr
    assert "AIRFLOW_URL is not set" in command("dags", "sync", AIRFLOW_URL=None).stderr
    assert registry(tmp_path / "port.db") == {}


def test_service_init_prepares_an_empty_database_and_can_be_run_again(
    start_runner: StartRunner, command: Command, tmp_path: Path
) -> None:
    start_runner()
    users = {"CORNFLOW_ADMIN_USER": "chief", "CORNFLOW_ADMIN_PWD": "Chief-pw1!"}
    key = {"SECRET_KEY": None, "FERNET_KEY": "a-key-of-the-container-that-is-long"}
    first = command("service", "init", "--no-serve", **users, **key)
    assert first.exit_code == 0, first.output
    assert "User chief, admin: created." in first.stdout
    assert "Chief-pw1!" not in first.stdout
    assert "solve_model_dag" in registry(tmp_path / "port.db")
    second = command("service", "init", "--no-serve", **users, **key)
    assert "User chief, admin: unchanged." in second.stdout
    assert "Workflows registered: none." in second.stdout


def test_service_init_goes_on_without_airflow_but_not_without_a_key(command: Command) -> None:
    alone = command(
        "service", "init", "--no-serve", "--wait", "0",
        AIRFLOW_URL=f"http://127.0.0.1:{free_port()}", CORNFLOW_SERVICE_PWD=None,
    )  # fmt: skip
    assert alone.exit_code == 0, alone.output
    assert "Later: cornflow-f dags sync" in alone.stderr
    assert "Its password, shown this once (CORNFLOW_SERVICE_PWD is not set)" in alone.stdout
    keyless = command("service", "init", "--no-serve", SECRET_KEY=None, FERNET_KEY=None)
    assert keyless.exit_code == 2
    assert "SECRET_KEY is not set, nor FERNET_KEY" in keyless.stderr
