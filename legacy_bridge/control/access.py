"""Who may operate the bridge: whoever has its token, and the admins of the application.

A caller brings one of them as `Authorization: Bearer …`, or the cookie that the page gets for it. The
cookie is not sent by other sites' pages, and changes want a header that those can't set either.
"""

import hashlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import httpx
from starlette.requests import Request

from legacy_bridge.control.session import TokenSession

COOKIE = "cutover_session"
PAGE_HEADER = "x-cutover-page"
"""Sent by the page with every request that changes something."""
SESSION_SECONDS = 12 * 3600

_KNOWN_SECONDS = 5.0
"""How long an admin stays one without being looked up again."""
_KNOWN_WITHOUT_DATABASE = 900.0
"""The same while nobody can look: operators are needed most when something is broken."""
_MOST_KNOWN = 256
_FAILURES, _GUESSES, _FAILURES_SECONDS = 10, 30, 60.0
"""Wrong passwords from one address, before it has to wait."""

_log = logging.getLogger(__name__)


class ControlRefusedError(Exception):
    """The caller may not use the control API."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Operators(Protocol):
    """How an application tells its admins. One for each pair of applications."""

    async def log_in(self, client: httpx.AsyncClient, user: str, password: str) -> str | None:
        """The bearer token the application gives them, None when it refuses.

        ``client`` asks the bridge itself, so whichever stack owns the log-in answers. Raises
        httpx.HTTPError when nobody does.
        """

    async def admin(self, token: str) -> str | None:
        """The name of the admin whose bearer token it is; None of anybody else's."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. A program that brings the bridge's token says with each act who it is."""

    name: str | None = None


CALLER: ContextVar[Caller | None] = ContextVar("cutover_caller", default=None)
"""Of the request that is answered."""


class ControlAccess:
    """Tells callers. Keeps nothing that another worker would have to know."""

    def __init__(
        self,
        token: str | None,
        operators: Operators | None = None,
        client: Callable[[], httpx.AsyncClient] | None = None,
    ) -> None:
        self._token = token
        self._operators = operators
        self._client = client
        self._sessions = None if token is None else TokenSession(token)
        self._known: dict[bytes, tuple[float, str]] = {}
        self._failures: dict[str, deque[float]] = {}

    @property
    def ways(self) -> list[str]:
        """What one may log in with: `token`, `user`."""
        by_user = self._operators is not None and self._client is not None
        return [*(["token"] if self._token else []), *(["user"] if by_user else [])]

    async def check(self, request: Request) -> None:
        """The guard of every route but `health` and the log-in."""
        CALLER.set(await self.caller(request))

    async def caller(self, request: Request) -> Caller:
        if not self.ways:
            raise ControlRefusedError(
                403, "the control API is closed: start the bridge with CUTOVER_TOKEN set to open it"
            )
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            address = request.client.host if request.client else ""
            return await self._bearer(credentials.strip(), f"bearer {address}")
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            raise ControlRefusedError(401, self._how())
        _refuse_other_sites(request)
        return await self._session(cookie)

    async def log_in(self, user: str, password: str, address: str) -> tuple[str, str]:
        """The name, and the cookie of an admin's session."""
        if self._operators is None or self._client is None:
            raise ControlRefusedError(403, "users of the application can't log in here")
        with self._attempt(address) as succeeded:
            try:
                async with self._client() as client:
                    token = await self._operators.log_in(client, user, password)
            except httpx.HTTPError as error:
                succeeded()
                raise ControlRefusedError(
                    503, f"the application's own log-in does not answer ({error}): use the token"
                ) from error
            if token is not None:
                succeeded()
        if token is None:
            raise ControlRefusedError(401, "the application does not know this user and password")
        name = await self._admin(token)
        if name is None:
            raise ControlRefusedError(403, f"{user} is not an admin of the application")
        return name, f"u.{token}"

    async def log_in_by_token(self, token: str, name: str, address: str) -> tuple[str, str]:
        """The same by the bridge's token, with a name for the history, or by an admin's own token."""
        self._slow_down(address)
        if self._sessions is not None and self._is_token(token):
            if not name:
                raise ControlRefusedError(422, "say who you are, for the history")
            return name, f"t.{self._sessions.issue(name, time.time() + SESSION_SECONDS)}"
        with self._attempt(address) as succeeded:
            known = await self._admin(token)
            if known is not None:
                succeeded()
        if known is None:
            raise ControlRefusedError(
                401, "this is neither the bridge's token (CUTOVER_TOKEN) nor that of an admin"
            )
        return known, f"u.{token}"

    async def _session(self, cookie: str) -> Caller:
        kind, _, value = cookie.partition(".")
        name: str | None = None
        if kind == "t" and self._sessions is not None:
            name = self._sessions.name_of(value, time.time())
        elif kind == "u":
            name = await self._admin(value)
        if name is None:
            raise ControlRefusedError(401, "the session is over: log in again")
        return Caller(name)

    async def _bearer(self, credentials: str, address: str) -> Caller:
        # the right one is refused, too: else a guess would cost nothing
        self._slow_down(address, _GUESSES)
        if self._is_token(credentials):
            return Caller()
        with self._attempt(address, _GUESSES) as succeeded:
            name = await self._admin(credentials)
            if name is not None:
                succeeded()
        if name is None:
            raise ControlRefusedError(401, self._how())
        return Caller(name)

    async def _admin(self, token: str) -> str | None:
        if self._operators is None or not token:
            return None
        key, now = hashlib.blake2b(token.encode()).digest(), time.monotonic()
        at, known = self._known.get(key, (-_KNOWN_WITHOUT_DATABASE, None))
        if now - at < _KNOWN_SECONDS:
            return known
        try:
            name = await self._operators.admin(token)
        except Exception as error:
            if now - at < _KNOWN_WITHOUT_DATABASE:
                return known
            _log.exception("whether somebody is an admin can't be found out")
            raise ControlRefusedError(
                503, "the application can't say who is an admin now: use the bridge's token"
            ) from error
        self._known.pop(key, None)
        if name is not None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = now, name
        return name

    def _is_token(self, offered: str) -> bool:
        return self._token is not None and secrets.compare_digest(
            offered.encode(), self._token.encode()
        )

    def _how(self) -> str:
        admins = ", or log in to the application as an admin and send its token"
        bring = "send the bridge's token: Authorization: Bearer <CUTOVER_TOKEN>"
        if self._token is None:
            return "send the token of an admin of the application: Authorization: Bearer <token>"
        return bring + (admins if self._operators is not None else "")

    def _slow_down(self, address: str, most: int = _FAILURES) -> None:
        since = time.monotonic() - _FAILURES_SECONDS
        if sum(at > since for at in self._failures.get(address, ())) >= most:
            raise ControlRefusedError(429, "too many wrong passwords: wait a minute")

    @contextmanager
    def _attempt(self, address: str, most: int = _FAILURES) -> Iterator[Callable[[], None]]:
        """One that counts as failed until it says that it has not: many at once are no way around."""
        self._slow_down(address, most)
        if len(self._failures) >= _MOST_KNOWN and address not in self._failures:
            self._failures.clear()
        failures = self._failures.setdefault(address, deque(maxlen=max(_FAILURES, _GUESSES)))
        at = time.monotonic()
        failures.append(at)

        def succeeded() -> None:
            with suppress(ValueError):
                failures.remove(at)

        yield succeeded


def _refuse_other_sites(request: Request) -> None:
    if request.method in ("GET", "HEAD"):
        return
    site = request.headers.get("sec-fetch-site", "same-origin")
    if PAGE_HEADER not in request.headers or site not in ("same-origin", "none"):
        raise ControlRefusedError(
            403, f"a session's cookie changes nothing without the header {PAGE_HEADER}"
        )
