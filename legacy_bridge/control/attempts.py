"""How often one address may guess: wrong passwords are counted by all workers together.

Each worker counts for itself first, so that a flood costs the database no more than the limit does; while the
database is away that is all there is.
"""

import asyncio
import ipaddress
import logging
import os
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy import delete, text
from starlette.requests import Request

from legacy_bridge.database.connection import Database, StoreError
from legacy_bridge.database.tables import ATTEMPTS

PASSWORDS, BEARERS = 10, 30
"""Wrong ones of an address within a minute, before it has to wait."""
BY_PROXY = "a proxy that nobody has named"
"""The one address of all who come through it."""

_SECONDS = 60.0
_MOST_KNOWN = 10_000

_log = logging.getLogger(__name__)


class TooManyAttemptsError(Exception):
    """The address has to wait, even with the right password: else a guess would cost nothing."""


class Attempts:
    """One worker's. ``database`` None: it knows of no other worker."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def password(self, address: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """One that counts as failed until it says that it has not: many at once are no way around."""
        with_everybody = f"password {address}"
        at = self._take(with_everybody, PASSWORDS)
        minute = int(time.time() // _SECONDS)
        if await self._add(with_everybody, minute, 1) > PASSWORDS:
            raise TooManyAttemptsError

        async def succeeded() -> None:
            self._give_back(with_everybody, at)
            await self._add(with_everybody, minute, -1)

        yield succeeded

    @asynccontextmanager
    async def bearer(self, address: str) -> AsyncIterator[Callable[[], None]]:
        """The same for tokens, which programs send with each request: counted by this worker only."""
        key = f"bearer {address}"
        at = self._take(key, BEARERS)
        yield lambda: self._give_back(key, at)

    def _take(self, key: str, most: int) -> float:
        now = time.monotonic()
        failures = self._failures.get(key)
        if failures is None:
            # the oldest goes: many addresses at once must not forgive the others
            while len(self._failures) >= _MOST_KNOWN:
                self._failures.popitem(last=False)
            failures = self._failures[key] = deque()
        while failures and failures[0] <= now - _SECONDS:
            failures.popleft()
        if len(failures) >= most:
            raise TooManyAttemptsError
        failures.append(now)
        self._failures.move_to_end(key)
        return now

    def _give_back(self, key: str, at: float) -> None:
        with suppress(KeyError, ValueError):
            self._failures[key].remove(at)

    async def _add(self, key: str, minute: int, count: int) -> int:
        """Of all workers, in this minute; 0 when it can't be found out."""
        if self._database is None:
            return 0
        try:
            # one after the other: SQLite has one writer, and those who wait here take no connection
            async with self._one_at_a_time, self._database.begin() as connection:
                counted = await connection.execute(
                    text(
                        "INSERT INTO bridge_attempt (address, minute, failures) "
                        "VALUES (:key, :minute, :count) ON CONFLICT (address, minute) "
                        "DO UPDATE SET failures = bridge_attempt.failures + excluded.failures "
                        "RETURNING failures"
                    ),
                    {"key": key, "minute": minute, "count": count},
                )
                failures = int(counted.scalar_one())
                if failures == 1:
                    await connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.minute < minute - 1))
                return failures
        except StoreError as error:
            _log.warning("wrong passwords are counted by this worker alone: %s", error)
            return 0


def address_of(request: Request) -> str:
    """Whose attempts these are. Networks of one customer (IPv6: /64) are one address.

    `X-Forwarded-For` is believed only when FORWARDED_ALLOW_IPS names the proxies: uvicorn's default believes
    whoever connects from this machine, which is right for links and wrong for counting guesses.
    """
    if "x-forwarded-for" in request.headers and not _proxies_are_named():
        return BY_PROXY
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host[:60]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _proxies_are_named() -> bool:
    names = [one.strip() for one in os.environ.get("FORWARDED_ALLOW_IPS", "").split(",")]
    return any(names) and "*" not in names
