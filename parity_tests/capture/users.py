"""Who a recorded user is in the replay, and how their requests are authorized again."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parity_core.capture.fingerprint import FingerprintKey
from parity_core.capture.record import Recorded
from parity_core.compare import tokens
from parity_core.model import Json, ParityError, Side
from parity_tests.capture.ids import Ids
from parity_tests.capture.settings import CaptureSettings
from parity_tests.config import Config
from parity_tests.journeys.sign import UserSession
from parity_tests.journeys.templates import fill
from parity_tests.login.flow import header_of

_REFUSED = "recorded.token.refused"
"""Stands for a token that was refused when it was recorded."""
_FRESH = 300.0
"""Seconds for which a minted token is used."""


class Unmapped(Exception):
    """Nobody told who a recorded user is."""


@dataclass(frozen=True)
class Passwords:
    """What stands for a recorded password that was masked."""

    right: str
    wrong: str = "Wrong-pw1!"


class Users:
    """`known` are the ids and tokens of seeded users, by side (`admin.token`)."""

    def __init__(
        self,
        config: Config,
        settings: CaptureSettings,
        ids: Ids,
        known: Mapping[Side, Mapping[str, Any]],
        environment: Mapping[str, str],
        *,
        named: Mapping[str, str],
        everybody: str | None,
        key: FingerprintKey | None,
    ) -> None:
        self._config = config
        self._settings = settings
        self._ids = ids
        self._known = known
        self._environment = environment
        self._everybody = everybody
        self._shown = header_of(config.login)
        self._names: dict[str, str] = {}
        """Fingerprint to name."""
        self._minted: dict[str, tuple[float, str]] = {}
        for name, whose in {**settings.users, **named}.items():
            self._names[name if name.startswith("u-") else _subject(key, name)] = whose
        if key is not None:
            for user in config.users.values():
                self._names.setdefault(key.subject(user.username), user.name)

    def name(self, exchange: Recorded) -> str:
        """For a person: the name where it is known, else the fingerprint."""
        if exchange.user is None:
            return "nobody"
        return self._names.get(exchange.user, exchange.user)

    def headers(self, exchange: Recorded, side: Side) -> list[tuple[str, str]]:
        """The headers that show who asks, as the API wants them. Raises Unmapped."""
        if exchange.user is None:
            return []
        if exchange.scheme == "basic":
            return [("Authorization", self._basic(exchange))]
        if exchange.expired:
            return [self._shown.of(self._expired(exchange))]
        if exchange.status == 401:
            return [self._shown.of(_REFUSED)]
        name = self._names.get(exchange.user, self._everybody)
        session = self._known[side].get(f"{name}.session")
        if isinstance(session, UserSession) and session.cookies:
            return session.of(exchange.method)
        try:
            return [self._shown.of(self._token(exchange.user, side))]
        except Unmapped:
            # what was no token when it was recorded is none now
            if exchange.opaque and (exchange.status or 0) >= 400:
                return [self._shown.of(_REFUSED)]
            raise

    def token(self, user: str, side: Side) -> str | None:
        """For a token in a request's body: None when there is none."""
        try:
            return self._token(user, side)
        except Unmapped:
            return None

    def _token(self, user: str, side: Side) -> str:
        # who has logged in during the replay goes on with that token
        if token := self._ids.token(side, user):
            return str(token)
        name = self._names.get(user, self._everybody)
        if name is None:
            raise Unmapped(user)
        if token := self._known[side].get(f"{name}.token"):
            return str(token)
        username = self._config.users[name].username if name in self._config.users else name
        return self._mint(username)

    def _mint(self, username: str, seconds: float = 0.0) -> str:
        if self._settings.mint is None:
            raise Unmapped(
                f"{username} is no user of the configuration and [capture] mint is not set"
            )
        now = time.time()
        made, token = self._minted.get(username, (0.0, ""))
        if seconds or now - made > _FRESH:
            claims: Json = fill(dict(self._settings.mint), {"username": username})
            secret = self._environment.get(self._settings.secret, self._settings.secret)
            if seconds:
                claims = {**claims, "iat": seconds - 60, "exp": seconds}
            token = tokens.mint(claims, secret, int(now))
            if not seconds:
                self._minted[username] = (now, token)
        return token

    def _expired(self, exchange: Recorded) -> str:
        name = self._names.get(exchange.user or "", self._everybody)
        if name is None or self._settings.mint is None:
            return _REFUSED
        username = self._config.users[name].username if name in self._config.users else name
        return self._mint(username, seconds=-60)

    def _basic(self, exchange: Recorded) -> str:
        name = self._names.get(exchange.user or "", self._everybody)
        if name is None or name not in self._config.users:
            raise Unmapped(exchange.user)
        user = self._config.users[name]
        password = user.password if exchange.status != 401 else "wrong"
        return "Basic " + base64.b64encode(f"{user.username}:{password}".encode()).decode()

    def passwords(self, exchange: Recorded, body: Any) -> Passwords:
        """Of a log-in: the seeded user's; else one that stands for what nobody knows any more."""
        login = self._config.login
        if login is not None and self.is_login(exchange):
            wanted = login.body if login.form is None else login.form
            name = _beside(wanted, body)
            for user in self._config.users.values():
                if name is not None and name == user.username:
                    return Passwords(user.password)
        return Passwords(self._settings.password)

    def is_login(self, exchange: Recorded) -> bool:
        login = self._config.login
        return login is not None and (exchange.method, exchange.path) == (login.method, login.path)


def _beside(template: Any, body: Any) -> Any:
    """What stands in a body where the log-in's template has the user's name, at any depth; else None."""
    if template == "${username}":
        return body
    if isinstance(template, Mapping) and isinstance(body, Mapping):
        pairs: list[tuple[Any, Any]] = [(part, body.get(name)) for name, part in template.items()]
    elif isinstance(template, list) and isinstance(body, list):
        pairs = list(zip(template, body, strict=False))
    else:
        return None
    return next((name for part, value in pairs if (name := _beside(part, value)) is not None), None)


def _subject(key: FingerprintKey | None, name: str) -> str:
    if key is None:
        raise ParityError(
            f"whose requests are {name}'s is not known without the capture's key: keep capture.key in "
            "its folder, set CUTOVER_CAPTURE_KEY, or give the fingerprint (u-…, see `parity capture "
            "show`) instead of the name"
        )
    return key.subject(name)
