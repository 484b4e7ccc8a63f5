"""The real legacy in process is given the shared address as its driver takes it; the port keeps all of it."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

_SHOW = """
import json, os
from cornflow_cutover.assembly import assemble
made = assemble()
url = made.ported.state.engine.url
print("ANSWER:" + json.dumps([
    made.wsgi.config["SQLALCHEMY_DATABASE_URI"], url.drivername, url.password, dict(url.query),
    made.database_url == os.environ["DATABASE_URL"],
]))
"""

NAMED = "postgres://ana:p@ss@127.0.0.1:9/cf?pgbouncer=true&connect_timeout=3"
PARTS = {
    "DATABASE_URL": "",
    "DEFAULT_POSTGRES": "1",
    "CORNFLOW_DB_USER": "ana",
    "CORNFLOW_DB_PASSWORD": "p@ss",
    "CORNFLOW_DB_HOST": "127.0.0.1",
    "CORNFLOW_DB_PORT": "9",
    "CORNFLOW_DB": "cf",
}


def _run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _SHOW],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("changes", "parameters", "query"),
    [
        ({"DATABASE_URL": NAMED}, "?connect_timeout=3", {"prepared_statement_cache_size": "0"}),
        (PARTS, "", {}),
    ],
    ids=["an address", "its parts"],
)
def test_both_stacks_understand_the_address(
    legacy_env: Callable[..., dict[str, str]],
    changes: dict[str, str],
    parameters: str,
    query: dict[str, str],
) -> None:
    done = _run(legacy_env("", **changes))
    assert done.returncode == 0, done.stderr[-2000:]
    legacy, *ported = json.loads(done.stdout.rpartition("ANSWER:")[2])
    assert legacy == f"postgresql://ana:p%40ss@127.0.0.1:9/cf{parameters}"
    assert ported == ["postgresql+asyncpg", "p@ss", query, True]


def test_what_no_driver_understands_ends_with_2(
    legacy_env: Callable[..., dict[str, str]],
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "legacy_bridge.cli", "status"],
        env=legacy_env("postgresql://ana:hunter2@127.0.0.1:9/cf?keepalives=1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "'keepalives'" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
