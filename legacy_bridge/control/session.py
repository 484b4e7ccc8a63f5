"""Sessions of the page. Each is a row of the database, so that a log-out ends it for every worker at once.

The cookie is the row's name, signed by itsdangerous: docs/decisions/0013. Nothing else is in it; least of
all the application's own token, with which a thief could do more.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from enum import StrEnum

from itsdangerous import BadSignature, TimestampSigner
from sqlalchemy import delete, insert, select

from legacy_bridge.database.connection import Database, write_first
from legacy_bridge.database.tables import SESSIONS, STATE

SESSION_SECONDS = 12 * 3600

_SALT = "cutover session"
_KIND, _NAME = "secret", "session"
"""The row of `bridge_state` with the key: of a kind that is never loaded with the modes, nor shown."""
_LONGEST = 500


class SessionKind(StrEnum):
    """How somebody logged in, and so what must still hold."""

    TOKEN = "token"
    """With the bridge's token: another token ends the session."""
    USER = "user"
    """As an admin of the application, who must be one still."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who has it, and how."""

    name: str
    kind: SessionKind


class Sessions:
    """Raises StoreError when the database is away."""

    def __init__(self, database: Database, token: str | None) -> None:
        self._database = database
        self._token = token or ""
        self._signer: TimestampSigner | None = None

    async def issue(self, session: Session, now: float) -> str:
        """The cookie of a new one. ``now``: seconds since 1970."""
        signer = await self._signed_by()
        number = secrets.token_urlsafe(32)
        async with self._database.begin() as connection:
            await connection.execute(delete(SESSIONS).where(SESSIONS.c.until < now))
            row = {"name": session.name[:200], "kind": session.kind, "until": now + SESSION_SECONDS}
            await connection.execute(insert(SESSIONS).values(id=_stored(number), **row))
        return signer.sign(number).decode()

    async def read(self, cookie: str, now: float) -> Session | None:
        """None when it is forged, too old, or was ended."""
        number = await self._number(cookie)
        if number is None:
            return None
        query = select(SESSIONS.c.name, SESSIONS.c.kind).where(
            SESSIONS.c.id == _stored(number), SESSIONS.c.until >= now
        )
        async with self._database.begin() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Session(row.name, SessionKind(row.kind))

    async def end(self, cookie: str) -> None:
        """From now on nobody has it, whoever has copied the cookie."""
        number = await self._number(cookie)
        if number is not None:
            async with self._database.begin() as connection:
                await connection.execute(delete(SESSIONS).where(SESSIONS.c.id == _stored(number)))

    async def _number(self, cookie: str) -> str | None:
        if len(cookie) > _LONGEST or not cookie.isascii():
            return None
        try:
            return (await self._signed_by()).unsign(cookie, max_age=SESSION_SECONDS).decode()
        except BadSignature:
            return None

    async def _signed_by(self) -> TimestampSigner:
        if self._signer is None:
            key = f"{await self._key()} {self._token}"
            self._signer = TimestampSigner(key, salt=_SALT, digest_method=hashlib.sha256)
        return self._signer

    async def _key(self) -> str:
        """The same for all workers and replicas: the first that needs one makes it."""
        async with self._database.begin() as connection:
            key = secrets.token_hex(32)
            await write_first(connection, _KIND, _NAME, key, why="first session")
            kept = select(STATE.c.value).where(STATE.c.kind == _KIND, STATE.c.name == _NAME)
            value: str = (await connection.execute(kept)).scalar_one()
        return str(json.loads(value)["value"])


def _stored(number: str) -> str:
    """Who reads the table gets no cookie."""
    return hashlib.sha256(number.encode()).hexdigest()
