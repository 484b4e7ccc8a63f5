"""Starting under pressure: several replicas at once, and workers on a slow processor."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx

from parity_tests.stage.process import free_port
from tests.conftest import LegacyEnv
from tests.port.schema_dump import rows

COMMAND = [sys.executable, "-m", "cornflow_f.cli"]


def test_replicas_that_start_at_once_all_prepare_the_database(
    database_url: str, legacy_env: LegacyEnv
) -> None:
    """Each makes what is missing: without a turn for each, most fail on what another has just made."""
    environment = legacy_env(
        database_url, CORNFLOW_ADMIN_PWD="Admin-pw1!", CORNFLOW_SERVICE_PWD="Service-pw1!"
    )
    replicas = [
        subprocess.Popen(
            [*COMMAND, "service", "init", "--no-serve", "--wait", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(4)
    ]
    outputs = [replica.communicate(timeout=300)[0] for replica in replicas]
    assert [replica.returncode for replica in replicas] == [0] * 4, "\n".join(outputs)
    made = [text for text in outputs if "cornflow_admin, admin: created" in text]
    assert len(made) == 1, "\n".join(outputs)
    made_rows = {name: len(of_table) for name, of_table in rows(database_url).items()}
    expected = {
        "users": 2,
        "user_role": 2,
        "actions": 5,
        "roles": 5,
        "api_view": 57,
        "permission_view": 632,
    }
    assert {name: made_rows[name] for name in expected} == expected


SLOW = """
import ctypes, multiprocessing, os, sys

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "cornflow_f.main" and multiprocessing.parent_process() is not None:
            # keeps the interpreter, as a slow processor does
            ctypes.PyDLL(None).sleep(int(os.environ["SLOW_SECONDS"]))

sys.meta_path.insert(0, Slow())
"""


def test_workers_that_start_slowly_are_left_alone(
    sqlite_url: str, legacy_env: LegacyEnv, tmp_path: Path
) -> None:
    """uvicorn asks each worker for a sign of life, and kills one that gives none for five seconds."""
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(SLOW))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = legacy_env(sqlite_url, PYTHONPATH=path, SLOW_SECONDS="8", LOG_LEVEL="20")
    subprocess.run(
        [*COMMAND, "migrations", "upgrade"], env=environment, check=True, capture_output=True
    )
    port = free_port()
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [*COMMAND, "serve", "--port", str(port), "--workers", "2"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + 180
        while log.read_text().count("Application startup complete") < 2:
            assert time.monotonic() < until, log.read_text()
            assert "died" not in log.read_text(), log.read_text()
            time.sleep(0.2)
        assert httpx.get(f"http://127.0.0.1:{port}/health/", timeout=60).status_code == 200
        assert "died" not in log.read_text()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
