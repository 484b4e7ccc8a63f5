"""Attacks of one client on a running port: what another client feels, what it costs, what is answered.

    python -m benchmarks.attacks                 # this tree
    python -m benchmarks.attacks --tree FOLDER   # the port of another tree, for "before"
    python -m benchmarks.attacks --only gzip

For each attack the status, the seconds it took, the longest wait of another client (who asks for
`GET /user/` all the time) and the memory of the worker: its peak, and what is left afterwards. Exits 1
when another client waited for more than a second, or memory passed twice the idle one and the limit of a body.
"""

import argparse
import asyncio
import contextlib
import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from cornflow_f.config import Settings
from cornflow_f.constants import Role
from cornflow_f.database.engine import Base
from cornflow_f.main import create_app
from cornflow_f.models import User, UserRole
from cornflow_f.security import create_token
from cornflow_f.services.register_access import init_access
from cornflow_f.views_table import views_for

SECRET = "a-secret-of-the-benchmark-that-is-long"
MEGABYTE = 1024 * 1024
LONGEST_WAIT = 1.0
_JSON = {"Content-Type": "application/json"}
_GZIP = {**_JSON, "Content-Encoding": "gzip"}
Body = bytes | Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Attack:
    name: str
    method: str
    path: str
    body: Callable[[], Body]
    headers: dict[str, str] = field(default_factory=lambda: _JSON)
    as_: str | None = "admin"


def _stream(piece: bytes, count: int) -> Callable[[], Body]:
    return lambda: lambda: (piece for _ in range(count))


def _keys(count: int) -> bytes:
    return b"{" + b",".join(b'"key%07d":1' % number for number in range(count)) + b"}"


def _email(size: int) -> bytes:
    address = "a@" + "\u00e9" * size + ".org"
    return json.dumps({"username": "a", "password": "Ab-12345", "email": address}).encode()


ATTACKS = (
    Attack("700 MB without a token", "POST", "/instance/", _stream(b"x" * MEGABYTE, 700), as_=None),
    Attack("700 MB with one", "POST", "/instance/", _stream(b"x" * MEGABYTE, 700)),
    Attack("700 MB to the log-in", "POST", "/login/", _stream(b"x" * MEGABYTE, 700), as_=None),
    Attack("500,000 unknown keys to the log-in", "POST", "/login/", lambda: _keys(500_000), as_=None),
    Attack("500,000 unknown keys with a token", "PUT", "/user/1/", lambda: _keys(500_000)),
    Attack("e-mail of 900 KB", "POST", "/signup/", lambda: _email(450_000)),
    Attack(
        "238 KB of gzip, 240 MB of []", "POST", "/instance/",
        lambda: gzip.compress(b'{"name":"a","data":[' + b"[]," * 80_000_000 + b"[]]}", 9), _GZIP,
    ),
    Attack("10 MB of gzip, 10 GB", "POST", "/instance/",
           lambda: gzip.compress(bytes(64 * MEGABYTE)) * 160, _GZIP),
    Attack("120 MB of [] as plain JSON", "POST", "/instance/",
           lambda: b'{"name":"a","data":[' + b"[]," * 40_000_000 + b"[]]}"),
    Attack("7 MB of [], few enough", "POST", "/instance/",
           lambda: b'{"name":"a","data":[' + b"[]," * 2_400_000 + b"[]]}"),
    Attack("40 MB of short texts", "POST", "/case/",
           lambda: b'{"name":"a","schema":"x","data":["' + "é中\",\"".encode() * 4_900_000 + b'"]}'),
    Attack("32 MB of numbers, to be stored", "POST", "/case/",
           lambda: b'{"name":"a","schema":"x","data":[' + b"1.2345," * 4_900_000 + b"1]}"),
    Attack("1 MB of [", "POST", "/instance/", lambda: b"[" * MEGABYTE),
    Attack("1,000,000 wrong steps of a patch", "PATCH", "/case/1/data/",
           lambda: b'{"data_patch":[' + b"{}," * 1_000_000 + b"{}]}"),
    Attack("1,000,000 numbers as texts", "PATCH", "/case/1/data/",
           lambda: b'{"data_patch":[' + b"1," * 1_000_000 + b"1]}"),
    Attack("100 MB of text", "POST", "/instance/",
           lambda: b'{"name":"a","nothing":"' + b"x" * (100 * MEGABYTE) + b'"}'),
)  # fmt: skip


class Worker:
    """The port under attack: one process."""

    def __init__(self, tree: Path, folder: Path) -> None:
        url = f"sqlite:///{folder / 'attacked.db'}"
        asyncio.run(_seed(url))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        environment = {
            **os.environ, "PYTHONPATH": str(tree), "DATABASE_URL": url, "SECRET_KEY": SECRET,
            "AIRFLOW_URL": "http://127.0.0.1:9", "FLASK_ENV": "production",
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--factory", "cornflow_f.main:create_app",
             "--port", str(self.port), "--log-level", "critical"],
            env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                ask(self.port, "GET", "/user/", {}, None)
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def forget_peak(self) -> None:
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def memory(self, name: str) -> int:
        """Megabytes: `VmRSS` now, `VmHWM` the most."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) // 1024
        raise RuntimeError(f"the system does not tell {name}")


async def _seed(url: str) -> None:
    settings = Settings(database_url=url, secret_key=SECRET)
    app = create_app(settings)
    async with app.state.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with app.state.sessions() as session:
        await init_access(session, views_for(settings))
        for number, (name, role) in enumerate(
            {"admin": Role.ADMIN, "planner": Role.PLANNER}.items(), 1
        ):
            session.add(User(username=name, email=f"{name}@cornflow.org", password="x"))
            await session.flush()
            session.add(UserRole(user_id=number, role_id=role.value))
        await session.commit()
    await app.state.engine.dispose()


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: Body | None
) -> tuple[int | str, int]:
    """The status, or how the connection ended, and the bytes of the reply."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        sent = body() if callable(body) else body
        # it may be answered before all was sent
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, sent, headers, encode_chunked=callable(body))
        reply = connection.getresponse()
        return reply.status, len(reply.read())
    except (http.client.HTTPException, ConnectionResetError, TimeoutError) as error:
        return type(error).__name__, 0
    finally:
        connection.close()


def token(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_token(SECRET, user, 1)}"}


class Bystander(threading.Thread):
    """Another client: asks for the users again and again, and notes the longest wait."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._headers = token("admin")
        self.stopping = threading.Event()
        self.longest = 0.0
        self.wrong: set[int | str] = set()

    def run(self) -> None:
        while not self.stopping.is_set():
            began = time.perf_counter()
            status, _ = ask(self._port, "GET", "/user/", self._headers, None)
            self.longest = max(self.longest, time.perf_counter() - began)
            if status != 200:
                self.wrong.add(status)
            time.sleep(0.01)


def play(worker: Worker, attack: Attack, idle: int, limit: int) -> bool:
    body = attack.body()
    headers = dict(attack.headers) | (token(attack.as_) if attack.as_ else {})
    if callable(body):
        headers["Transfer-Encoding"] = "chunked"
    worker.forget_peak()
    bystander = Bystander(worker.port)
    bystander.start()
    time.sleep(0.3)
    began = time.perf_counter()
    status, size = ask(worker.port, attack.method, attack.path, headers, body)
    took = time.perf_counter() - began
    time.sleep(0.5)
    bystander.stopping.set()
    bystander.join(120)
    peak, left = worker.memory("VmHWM"), worker.memory("VmRSS")
    is_good = bystander.longest <= LONGEST_WAIT and peak <= 2 * idle + limit
    click.echo(
        f"{attack.name:36} {status!s:>6} {size:>10} B {took:7.2f} s  "
        f"longest wait of another {bystander.longest:6.2f} s  "
        f"memory {idle} -> {peak} -> {left} MB{'' if is_good else '   TOO MUCH'}"
        f"{f'   others got {bystander.wrong}' if bystander.wrong else ''}"
    )
    return is_good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--only", default="")
    parser.add_argument("--limit", type=int, default=256, help="megabytes of a body")
    options = parser.parse_args()
    good = True
    for attack in ATTACKS:
        if options.only in attack.name:
            with tempfile.TemporaryDirectory() as folder:
                worker = Worker(options.tree.absolute(), Path(folder))
                try:
                    for _ in range(5):
                        ask(worker.port, "GET", "/user/", token("admin"), None)
                    good &= play(worker, attack, worker.memory("VmRSS"), options.limit)
                finally:
                    worker.stop()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
