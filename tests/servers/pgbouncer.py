"""A PgBouncer in transaction mode in front of a PostgreSQL server of the tests, or the reason why there is none."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parity_tests.stage.process import free_port

_FOLDERS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"
_MISSING = "pgbouncer is not installed (apt-get install pgbouncer): its tests are left out"
_CONFIGURATION = """
[databases]
* = host={folder} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
"""


def _installed() -> str:
    """Skips the test that needs it; in CI its absence is a failure."""
    command = shutil.which("pgbouncer") or shutil.which("pgbouncer", path=_FOLDERS)
    if command is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING, pytrace=False)
        pytest.skip(_MISSING)
    return command


@contextmanager
def transaction_pooler(sockets: Path, size: int = 3) -> Iterator[str]:
    """`127.0.0.1:port` of a pooler with few connections to the server whose socket is in that folder."""
    command, port = _installed(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(_CONFIGURATION.format(folder=sockets, port=port, size=size))
    user = []
    if os.getuid() == 0:
        # It refuses to be root; who runs the server may use its socket.
        owner = pwd.getpwuid((sockets / ".s.PGSQL.5432").stat().st_uid).pw_name
        shutil.chown(folder, owner)
        shutil.chown(configuration, owner)
        user = ["-u", owner]
    log = folder / "log"
    with log.open("w") as output:
        running = subprocess.Popen(
            [command, *user, str(configuration)], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + 60
        while True:
            assert running.poll() is None, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
