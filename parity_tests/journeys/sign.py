"""What a user who has logged in adds to each request: a header, cookies, a token against forgery. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from parity_core.model import Reply
from parity_tests.journeys.sources import cookies_set

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


@dataclass(frozen=True)
class TokenHeader:
    """How a token is shown: `Authorization: Bearer …`, `X-Api-Key: …`."""

    name: str = "Authorization"
    scheme: str = "Bearer"
    """The word before the token; empty for the token alone."""

    def of(self, token: str) -> tuple[str, str]:
        """The header's name and value."""
        return self.name, f"{self.scheme} {token}" if self.scheme else token


@dataclass(frozen=True)
class UserSession:
    """One side's session of one user."""

    headers: tuple[tuple[str, str], ...] = ()
    """Of every request."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    csrf_header: str = ""
    """Sent with what may change something; its value is the cookie's where `csrf_cookie` names one."""
    csrf_token: str = ""
    csrf_cookie: str = ""

    def of(self, method: str) -> list[tuple[str, str]]:
        """The headers of a request."""
        headers = list(self.headers)
        if self.cookies:
            headers.append(("Cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items())))
        if self.csrf_header and method.upper() not in _SAFE_METHODS:
            token = self.cookies.get(self.csrf_cookie) or self.csrf_token
            headers.append((self.csrf_header, token))
        return headers

    def after(self, reply: Reply) -> UserSession:
        """The session with what the reply set and took away."""
        changed = cookies_set(reply)
        if not changed:
            return self
        cookies = {**self.cookies, **changed}
        kept = {name: value for name, value in cookies.items() if value is not None}
        return replace(self, cookies=kept)
