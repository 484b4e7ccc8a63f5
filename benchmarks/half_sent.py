"""Many half-sent requests at one server of few files: what another client gets meanwhile.

    python -m benchmarks.half_sent port                        # `cornflow-f serve` of this tree
    python -m benchmarks.half_sent bridge --tree FOLDER        # `cutover serve` of another, for "before"

The other client asks for `GET /health/` for a while, each time on a new connection. Exits 1 when fewer than nine
in ten of its requests were answered.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import click
import httpx

_COMMANDS = {"port": "cornflow_f.cli", "bridge": "legacy_bridge.cli"}
_HALF = b"GET /health/ HTTP/1.1\r\nhost: x\r\nx-slow: "
_PATIENCE = 20.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=_COMMANDS)
    parser.add_argument("--tree", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--files", type=int, default=1024)
    parser.add_argument("--clients", type=int, default=1100)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as attack:
        environment = os.environ | {
            "PYTHONPATH": str(options.tree.absolute()),
            "DATABASE_URL": f"sqlite:///{folder}/cornflow.db",
            "SECRET_KEY": "a-secret-of-the-benchmark-that-is-long",
            "SECRET_BI_KEY": "another-secret-of-the-benchmark-long",
            "FLASK_ENV": "production",
            "AIRFLOW_URL": "http://127.0.0.1:9",
            "AIRFLOW_USER": "a",
            "AIRFLOW_PWD": "b",
            "LOG_LEVEL": "50",
        }
        for words in (("migrations", "upgrade"), ("permissions", "init")):
            command = [sys.executable, "-m", "cornflow_f.cli", *words]
            subprocess.run(command, env=environment, check=True, capture_output=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        serve = f"exec {sys.executable} -m {_COMMANDS[options.server]} serve --port {port}"
        server = subprocess.Popen(
            ["sh", "-c", f"ulimit -n {options.files}; {serve}"],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        attack.callback(server.wait)
        attack.callback(server.terminate)
        while _ask(port) != "200":
            assert server.poll() is None, "the server ended"
            time.sleep(0.2)
        for _ in range(options.clients):
            half = attack.enter_context(socket.socket())
            half.settimeout(_PATIENCE)
            try:
                half.connect(("127.0.0.1", port))
                half.send(_HALF)
            except OSError:
                continue
        counted: Counter[str] = Counter()
        longest, until = 0.0, time.monotonic() + options.seconds
        while time.monotonic() < until:
            began = time.monotonic()
            counted[_ask(port)] += 1
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.2)
    shown = ", ".join(f"{count} × {what}" for what, count in counted.most_common())
    click.echo(f"{options.server}: {shown}; longest wait {longest:.1f} s")
    return 0 if counted["200"] >= 0.9 * counted.total() else 1


def _ask(port: int) -> str:
    try:
        reply = httpx.get(f"http://127.0.0.1:{port}/health/", timeout=_PATIENCE)
    except httpx.TransportError as error:
        return type(error).__name__
    return str(reply.status_code)


if __name__ == "__main__":
    sys.exit(main())
