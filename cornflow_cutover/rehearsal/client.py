"""A user of the rehearsal: requests to one worker after the other, each outcome written down."""

import asyncio
import itertools
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from cornflow_cutover.rehearsal.ledger import RequestFate, RequestLedger

_PART = re.compile(r"<(?:\w+:)?(?P<name>\w+)>")
_ATTEMPTS = 8
_PAUSE = 0.25
_SETTLE = 1.0
"""Seconds between a cut and the look whether it was done: a database may yet commit for a killed worker."""

KNOWN_LEGACY_FAILURES = frozenset(
    (
        # past the published versions of its libraries, on PostgreSQL: written, then failed
        "POST /dag/deployed/",
        "PUT /dag/deployed/<string:idx>/",
        # what was never run can't be stopped
        "POST /execution/<string:idx>/",
    )
)
"""Where the legacy itself answers with 500; each is in docs/legacy-behaviour.md."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request of a client, and what came of it. Times are seconds since 1970."""

    began: float
    ended: float
    operation: str
    user: str
    stack: str
    status: int
    good: bool
    retries: int = 0


_Doomed = tuple[float, str, tuple[str, str] | None, dict[str, Any]]


class FailedError(Exception):
    """A story can't go on: a request failed, and is written down."""


class CutError(Exception):
    """A story can't go on: nobody knows whether a request was carried out before the cut."""


@dataclass
class RequestLog:
    asked: list[SentRequest] = field(default_factory=list)
    cut: int = 0
    """Requests whose connection was cut: asked again, or given up where that could do things twice."""
    given_up: int = 0
    not_reached: int = 0
    """Requests to a worker that was not there: sent to the next one."""
    workflows: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who signs up or deploys: the legacy refuses a sign-up with 400 when both happen at once."""


@dataclass
class Client:
    """`addresses` are those of the workers; `ledger` and `log` are shared by all users."""

    user: str
    password: str
    addresses: list[str]
    http: httpx.AsyncClient
    ledger: RequestLedger
    log: RequestLog
    id: int = 0
    settle: float = _SETTLE
    _token: str = ""
    _turns: Iterator[int] = field(default_factory=itertools.count)
    _doomed: deque[_Doomed] = field(default_factory=deque)

    async def log_in(self) -> None:
        credentials = {"username": self.user, "password": self.password}
        login = await self("POST /login/", json=credentials, token="")
        self._token, self.id = login["token"], login["id"]

    async def __call__(
        self,
        operation: str,
        *,
        query: str = "",
        good: Collection[int] = (200, 201),
        token: str | None = None,
        find: Callable[[], Awaitable[Any]] | None = None,
        json: Any = None,
        files: Any = None,
        data: Any = None,
        **parts: Any,
    ) -> Any:
        """The reply's JSON. `parts` fill the rule; `good` are the expected statuses.

        A request whose connection is cut is asked again of another worker. One that would do something
        twice only when `find`, which looks for what it makes, finds nothing: every POST, and whatever else
        is called with `find`. Raises FailedError, CutError.
        """
        method, _, rule = operation.partition(" ")
        path = _PART.sub(lambda match: str(parts[match["name"]]), rule) + query
        headers = {"Authorization": f"Bearer {self._token if token is None else token}"}
        if token == "":
            headers = {}
        for attempt in range(_ATTEMPTS):
            worker = self.addresses[next(self._turns) % len(self.addresses)]
            began = time.time()
            try:
                reply = await self.http.request(
                    method, worker + path, headers=headers, json=json, files=files, data=data
                )
            except httpx.ConnectError:
                # It was not sent, so nothing can be done twice: a load balancer would do the same.
                self.log.not_reached += 1
                await asyncio.sleep(_PAUSE)
                continue
            except httpx.TransportError:
                self.log.cut += 1
                if find is not None:
                    await asyncio.sleep(self.settle)
                    if (made := await find()) is not None:
                        return made
                elif method == "POST" and token != "":
                    self.log.given_up += 1
                    raise CutError(operation) from None
                await asyncio.sleep(_PAUSE)
                continue
            stack = reply.headers.get("x-served-by", "?")
            expected = reply.status_code in good or (
                stack == "legacy"
                and reply.status_code >= 500
                and operation in KNOWN_LEGACY_FAILURES
            )
            asked = SentRequest(
                began,
                time.time(),
                operation,
                self.user,
                stack,
                reply.status_code,
                expected,
                attempt,
            )
            self.log.asked.append(asked)
            if not expected:
                raise FailedError(f"{operation} by {stack}: {reply.status_code} {reply.text[:200]}")
            try:
                return reply.json()
            except ValueError:
                return None
        now = time.time()
        self.log.asked.append(SentRequest(now, now, operation, self.user, "?", 0, False, _ATTEMPTS))
        raise FailedError(f"{operation}: no worker answers")

    async def make(self, table: str, operation: str, name: str, **options: Any) -> Any:
        """Makes a row with a unique name, once: the ledger says so in the end."""
        self.ledger.note(table, name, RequestFate.UNKNOWN)
        made = await self(operation, **options)
        self.ledger.note(table, name, RequestFate.MADE)
        return made

    def delete_later(
        self, operation: str, *, row: tuple[str, str] | None = None, **parts: Any
    ) -> None:
        """Once nobody compares what was done with it: see docs/rehearsal.md. `row`: table and name."""
        self._doomed.append((time.time(), operation, row, parts))

    async def delete_due(self, age: float) -> None:
        """What was to be deleted longer ago than `age` seconds, in that order."""
        while self._doomed and self._doomed[0][0] < time.time() - age:
            _, operation, row, parts = self._doomed.popleft()
            if row is not None:
                self.ledger.note(*row, RequestFate.UNKNOWN)
            # Asked again after a cut, it may be gone already: 404 is as good then.
            await self(operation, good=(200, 404), **parts)
            if row is not None:
                self.ledger.note(*row, RequestFate.DELETED)
