"""Several real `cutover serve` on one database, and clients that write down who answered them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import httpx

from parity_tests.stage.process import free_port
from tests.bridge.following import held_up

TOKEN = "a-token-of-the-tests"


class Reply(NamedTuple):
    """One request: when it began and ended, and how."""

    began: float
    ended: float
    replica: int
    operation: str
    user: str
    status: int
    stack: str


@dataclass
class Replicas:
    """Processes at fixed ports, so that a new one takes the place of a killed one."""

    database_url: str
    bug: Path
    ports: list[int] = field(default_factory=list)
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = [free_port() for _ in range(3)]

    def start(self, number: int) -> None:
        environment = os.environ | {
            "CUTOVER_ASSEMBLY": "tests.bridge.live_assembly:assemble",
            "LIVE_DATABASE_URL": self.database_url,
            "LIVE_BUG": str(self.bug),
            "CUTOVER_TOKEN": TOKEN,
        }
        self.processes[number] = subprocess.Popen(
            [sys.executable, "-m", "legacy_bridge.cli", "serve", "--port", str(self.ports[number])],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, number: int) -> None:
        self.processes[number].send_signal(signal.SIGKILL)
        self.processes[number].wait(60)

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(60)

    async def well(self) -> None:
        """Until all of them read modes and judge evidence; what fails before is not counted."""
        deadline = time.monotonic() + 120
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            for number in range(len(self.ports)):
                while True:
                    reply = await client.get(self.url(number) + "/_cutover/overview")
                    trouble = reply.raise_for_status().json()["trouble"]
                    if trouble is None:
                        break
                    assert time.monotonic() < deadline, f"replica {number}: {trouble}"
                    await asyncio.sleep(0.1)

    def url(self, number: int) -> str:
        return f"http://127.0.0.1:{self.ports[number]}"

    async def ready(self) -> None:
        deadline = time.monotonic() + 120
        async with httpx.AsyncClient() as client:
            for number in range(len(self.ports)):
                while True:
                    try:
                        await client.get(self.url(number) + "/_cutover/health", timeout=20)
                        break
                    except httpx.HTTPError:
                        assert time.monotonic() < deadline, f"replica {number} does not start"
                        await asyncio.sleep(0.1)


def operations() -> Iterator[tuple[str, str]]:
    while True:
        yield "GET", "/note/"
        yield "POST", "/note/"


@dataclass
class Clients:
    """Users who ask one replica after the other until stopped."""

    replicas: Replicas
    users: int = 40
    pause: float = 0.01
    replies: list[Reply] = field(default_factory=list)
    unreachable: int = 0

    def since(self, moment: float) -> list[Reply]:
        """Replies to requests that began after this moment."""
        return [one for one in self.replies if one.began > moment]

    def late(self, since: float, to: float) -> float:
        """Seconds that this machine may hold replicas up, by what their clients had to wait then."""
        waited = [
            one.ended - one.began for one in self.replies if one.ended >= since and one.began <= to
        ]
        return held_up(waited)

    async def all_get(self, stack: str) -> None:
        """Until all replicas give everybody replies of this stack and no other."""
        deadline = time.monotonic() + 120
        moment = time.time()
        while True:
            await asyncio.sleep(0.1)
            new = self.since(moment)
            if any(one.stack != stack for one in new):
                moment = time.time()
            elif min(sum(one.replica == each for one in new) for each in range(3)) >= 40:
                return
            assert time.monotonic() < deadline, f"not all replies are the {stack} stack's"

    async def run(self, stop: asyncio.Event) -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            await asyncio.gather(*(self._one(client, number, stop) for number in range(3)))

    async def _one(self, client: httpx.AsyncClient, replica: int, stop: asyncio.Event) -> None:
        turn = 0
        for method, path in operations():
            if stop.is_set():
                return
            turn += 1
            user = f"user-{turn // 2 % self.users}"
            began = time.time()
            try:
                reply = await client.request(
                    method,
                    self.replicas.url(replica) + path,
                    headers={"Authorization": f"Token {user}"},
                )
            except httpx.TransportError:
                self.unreachable += 1
                await asyncio.sleep(0.1)
                continue
            self.replies.append(
                Reply(
                    began,
                    time.time(),
                    replica,
                    f"{method} {path}",
                    user,
                    reply.status_code,
                    reply.headers["x-served-by"],
                )
            )
            await asyncio.sleep(self.pause)
