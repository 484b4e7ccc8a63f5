"""Clients that write while a fault is played. Each name is sent once, so whatever is twice was doubled here."""

import asyncio
import contextlib
import itertools
import json
import random
import string
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from cornflow_cutover.rehearsal.faults.tally import Write, WriteFate
from cornflow_cutover.rehearsal.stage import PASSWORD
from cornflow_cutover.rehearsal.stories import PREFIX, WORKFLOW

_PAUSE, _PAUSE_AFTER_TROUBLE = 0.05, 0.3
_LOOK = 0.2
PATIENCE = 60.0
_REFUSALS = 5
"""In a row, after which a client logs in again: its token may be of another time."""
_DATA = 40_000
"""Bytes of data of a row that has data."""
_PIECES, _PIECE, _PIECE_SECONDS = 16, 65536, 0.25
"""Of a slow upload."""


@dataclass(frozen=True)
class WriteKind:
    """One kind of row, made by `path`; two clients write it for as long as the fault is played."""

    table: str
    path: str
    has_data: bool = False
    slow: bool = False
    """Sent piece by piece over four seconds."""
    more: dict[str, Any] = field(default_factory=dict)

    def body(self, name: str) -> dict[str, Any]:
        made = {"name": name, **self.more}
        if self.has_data:
            noise = "".join(random.choices(string.ascii_letters, k=_DATA))
            made |= {"schema": WORKFLOW, "data": {"noise": noise}}
        return made


INSTANCE = WriteKind("instances", "/instance/", has_data=True)
CASE = WriteKind("cases", "/case/", has_data=True)
ALARM = WriteKind("alarms", "/alarms/", more={"criticality": 1, "description": "d"})
ROLE = WriteKind("roles", "/roles/")
KINDS = (INSTANCE, CASE, ALARM, ROLE)
UPLOADS = (
    WriteKind("instances", "/instance/", has_data=True, slow=True),
    WriteKind("cases", "/case/", has_data=True, slow=True),
)


@dataclass
class Writers:
    """`prefix` begins the names of one fault. `resends`: planted, a client asks again without looking."""

    url: str
    prefix: str
    users: list[str]
    patience: float = PATIENCE
    """Seconds that a client waits for a reply to what it sends from now on."""
    resends: bool = False
    kinds: tuple[WriteKind, ...] = KINDS
    pause: float = 0.0
    """Seconds between two writes of one client, at least."""
    writes: list[Write] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """They write until the end of the block; then what is under way is waited for."""
        stopping = asyncio.Event()
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
            tasks = [
                asyncio.create_task(self._write(http, user, kind, stopping))
                for kind, user in zip(
                    [one for one in self.kinds for _ in range(2)],
                    itertools.cycle(self.users),
                    strict=False,
                )
            ]
            try:
                yield
            finally:
                stopping.set()
                await asyncio.gather(*tasks)

    async def acknowledged_since(self, moment: float, limit: float) -> bool:
        """Whether each kind of row was acknowledged after `moment`, within `limit` seconds."""
        deadline = time.time() + limit
        wanted = {one.table for one in self.kinds}
        while time.time() < deadline:
            made = {
                one.table
                for one in self.writes
                if one.fate is WriteFate.ACKNOWLEDGED and one.ended > moment
            }
            if wanted <= made:
                return True
            await asyncio.sleep(_LOOK)
        return False

    async def _write(
        self, http: httpx.AsyncClient, user: str, kind: WriteKind, stopping: asyncio.Event
    ) -> None:
        token, refused = "", _REFUSALS
        while not stopping.is_set():
            if refused >= _REFUSALS:
                token = await self._log_in(http, user) or token
                refused = 0
            name = f"{self.prefix}{user}-{next(self._numbers)}"
            write = await self._send(http, token, kind, name)
            if write.fate is WriteFate.CUT and self.resends:
                write = await self._send(http, token, kind, name)
            self.writes.append(write)
            is_good = write.fate is WriteFate.ACKNOWLEDGED
            refused = refused + 1 if write.fate is WriteFate.REFUSED else 0
            pause = max(self.pause, _PAUSE if is_good else _PAUSE_AFTER_TROUBLE)
            # the end of the drill is not waited for here
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def _log_in(self, http: httpx.AsyncClient, user: str) -> str | None:
        try:
            body = {"username": user, "password": PASSWORD}
            reply = await http.post(f"{self.url}/login/", json=body)
            return str(reply.json()["token"]) if reply.status_code == 200 else None
        except (httpx.HTTPError, ValueError, KeyError):
            return None

    async def _send(self, http: httpx.AsyncClient, token: str, kind: WriteKind, name: str) -> Write:
        content = json.dumps(kind.body(name)).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            reply = await http.post(
                self.url + kind.path,
                content=_slowly(content) if kind.slow else content,
                headers=headers,
                timeout=self.patience,
            )
        except httpx.ConnectError:
            return Write(kind.table, name, WriteFate.REFUSED, time.time())
        except httpx.TransportError:
            return Write(kind.table, name, WriteFate.CUT, time.time())
        fate = WriteFate.ACKNOWLEDGED if reply.is_success else WriteFate.REFUSED
        stack = reply.headers.get("x-served-by", "?")
        return Write(kind.table, name, fate, time.time(), stack, reply.status_code)


async def _slowly(content: bytes) -> AsyncIterator[bytes]:
    """Blanks before the document: they are JSON, and cost no memory."""
    for _ in range(_PIECES):
        yield b" " * _PIECE
        await asyncio.sleep(_PIECE_SECONDS)
    yield content


def prefix_of(fault: str) -> str:
    return f"{PREFIX}{fault}-"
