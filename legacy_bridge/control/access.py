"""Who may operate the bridge: whoever has its token, and the admins of the application.

A caller brings one of them as `Authorization: Bearer …`, or the cookie that the page gets for it. The
cookie is not sent by other sites' pages, and changes want a header that those can't set either.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import httpx
from starlette.requests import Request

from legacy_bridge.control.attempts import Attempts, TooManyAttemptsError, address_of
from legacy_bridge.control.session import Session, SessionKind, Sessions
from legacy_bridge.database.connection import Database, StoreError

COOKIE = "cutover_session"
PAGE_HEADER = "x-cutover-page"
"""Sent by the page with every request that changes something."""

_KNOWN_SECONDS = 5.0
"""How long an admin stays one without being looked up again."""
_KNOWN_WITHOUT_DATABASE = 900.0
"""The same while nobody can look: operators are needed most when something is broken."""
_MOST_KNOWN = 256

Fact = TypeVar("Fact")

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

    async def is_admin(self, name: str) -> bool:
        """Whether this user, who was an admin at the log-in, is one still: asked for sessions, which keep
        no token."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. A program that brings the bridge's token says with each act who it is."""

    name: str | None = None


CALLER: ContextVar[Caller | None] = ContextVar("cutover_caller", default=None)
"""Of the request that is answered."""


class ControlAccess:
    """Tells callers. What another worker must know is in ``database``; None: nobody can log in to the page."""

    def __init__(
        self,
        token: str | None,
        operators: Operators | None = None,
        client: Callable[[], httpx.AsyncClient] | None = None,
        database: Database | None = None,
    ) -> None:
        self._token = token
        self._operators = operators
        self._client = client
        self._sessions = None if database is None else Sessions(database, token)
        self._attempts = Attempts(database)
        self._known = _Known[str]()
        self._known_sessions = _Known[Session]()

    @property
    def ways(self) -> list[str]:
        """What one may log in with: `token`, `user`."""
        by_user = self._operators is not None and self._client is not None
        return [*(["token"] if self._token else []), *(["user"] if by_user else [])]

    async def check(self, request: Request) -> None:
        """The guard of every route but `health` and the log-in."""
        CALLER.set(await self.caller(request))

    async def is_operator(self, request: Request) -> bool:
        """For what is open to all and tells operators more."""
        if "authorization" not in request.headers and COOKIE not in request.cookies:
            return False
        try:
            await self.caller(request)
        except ControlRefusedError:
            return False
        return True

    async def caller(self, request: Request) -> Caller:
        if not self.ways:
            raise ControlRefusedError(
                403, "the control API is closed: start the bridge with CUTOVER_TOKEN set to open it"
            )
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._bearer(credentials.strip(), address_of(request))
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            raise ControlRefusedError(401, self._how())
        _refuse_other_sites(request)
        return await self._session(cookie)

    async def log_in(self, user: str, password: str, address: str) -> tuple[str, str]:
        """The name, and the cookie of an admin's session."""
        if self._operators is None or self._client is None:
            raise ControlRefusedError(403, "users of the application can't log in here")
        try:
            async with self._attempts.password(address) as succeeded:
                try:
                    async with self._client() as client:
                        token = await self._operators.log_in(client, user, password)
                except httpx.HTTPError as error:
                    await succeeded()
                    raise ControlRefusedError(
                        503,
                        f"the application's own log-in does not answer ({error}): use the token",
                    ) from error
                if token is not None:
                    await succeeded()
        except TooManyAttemptsError:
            raise _too_many() from None
        if token is None:
            raise ControlRefusedError(401, "the application does not know this user and password")
        name = await self._admin(token)
        if name is None:
            raise ControlRefusedError(403, f"{user} is not an admin of the application")
        return name, await self._issue(Session(name, SessionKind.USER))

    async def log_in_by_token(self, token: str, name: str, address: str) -> tuple[str, str]:
        """The same by the bridge's token, with a name for the history, or by an admin's own token."""
        try:
            async with self._attempts.password(address) as succeeded:
                is_token = self._is_token(token)
                known = name if is_token else await self._admin(token)
                if known is not None:
                    await succeeded()
        except TooManyAttemptsError:
            raise _too_many() from None
        if is_token and not name:
            raise ControlRefusedError(400, "say who you are, for the history")
        if known is None:
            raise ControlRefusedError(
                401, "this is neither the bridge's token (CUTOVER_TOKEN) nor that of an admin"
            )
        kind = SessionKind.TOKEN if is_token else SessionKind.USER
        return known, await self._issue(Session(known, kind))

    async def log_out(self, cookie: str) -> None:
        """Ends the session for every worker, and for whoever has copied the cookie."""
        if self._sessions is None:
            return
        self._known_sessions.forget(cookie)
        try:
            await self._sessions.end(cookie)
        except StoreError as error:
            raise ControlRefusedError(
                503, f"the session goes on for other workers, log out again later: {error}"
            ) from error

    async def _issue(self, session: Session) -> str:
        if self._sessions is None:
            raise ControlRefusedError(403, "there is no database for sessions: send the token")
        try:
            return await self._sessions.issue(session, time.time())
        except StoreError as error:
            raise ControlRefusedError(
                503, f"no session without the database, send the token itself: {error}"
            ) from error

    async def _session(self, cookie: str) -> Caller:
        session = None
        if self._sessions is not None:
            sessions = self._sessions
            session = await self._known_sessions.ask(
                cookie, lambda: sessions.read(cookie, time.time()), fresh=0.0
            )
        if session is not None and session.kind is SessionKind.USER:
            name, operators = session.name, self._operators

            async def still() -> str | None:
                return name if operators is not None and await operators.is_admin(name) else None

            if await self._known.ask(f"name {name}", still) is None:
                session = None
        if session is None:
            raise ControlRefusedError(401, "the session is over: log in again")
        return Caller(session.name)

    async def _bearer(self, credentials: str, address: str) -> Caller:
        try:
            async with self._attempts.bearer(address) as succeeded:
                if self._is_token(credentials):
                    succeeded()
                    return Caller()
                name = await self._admin(credentials)
                if name is not None:
                    succeeded()
        except TooManyAttemptsError:
            raise _too_many() from None
        if name is None:
            raise ControlRefusedError(401, self._how())
        return Caller(name)

    async def _admin(self, token: str) -> str | None:
        if self._operators is None or not token:
            return None
        operators = self._operators
        return await self._known.ask(f"token {token}", lambda: operators.admin(token))

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


class _Known(Generic[Fact]):
    """What was looked up a moment ago; while nobody can look, a quarter of an hour ago."""

    def __init__(self) -> None:
        self._facts: dict[bytes, tuple[float, Fact]] = {}

    async def ask(
        self,
        about: str,
        look: Callable[[], Awaitable[Fact | None]],
        fresh: float = _KNOWN_SECONDS,
    ) -> Fact | None:
        key, now = _digest(about), time.monotonic()
        at, known = self._facts.get(key, (-_KNOWN_WITHOUT_DATABASE, None))
        if now - at < fresh:
            return known
        try:
            fact = await look()
        except Exception as error:
            if now - at < _KNOWN_WITHOUT_DATABASE:
                return known
            _log.exception("whether somebody may operate the bridge can't be found out")
            raise ControlRefusedError(
                503, "who may operate the bridge can't be found out now: use the bridge's token"
            ) from error
        self._facts.pop(key, None)
        if fact is not None:
            if len(self._facts) >= _MOST_KNOWN:
                self._facts.clear()
            self._facts[key] = now, fact
        return fact

    def forget(self, about: str) -> None:
        self._facts.pop(_digest(about), None)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass")).digest()


def _too_many() -> ControlRefusedError:
    return ControlRefusedError(429, "too many wrong passwords: wait a minute")


def _refuse_other_sites(request: Request) -> None:
    if request.method in ("GET", "HEAD"):
        return
    if PAGE_HEADER not in request.headers or is_of_another_site(request):
        raise ControlRefusedError(
            403,
            f"a session's cookie changes nothing without the header {PAGE_HEADER}, from the bridge's own page",
        )


def is_of_another_site(request: Request) -> bool:
    """Whether the browser says that a page of another site asks. Programs say nothing of it."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return False
    # plain HTTP, where browsers send no more than this
    hosts = [request.headers.get(name, "") for name in ("host", "x-forwarded-host")]
    return origin.partition("://")[2] not in [host for host in hosts if host]
