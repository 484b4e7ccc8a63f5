"""Who belongs to a canary's share. Pure, and the same on every replica.

A user is a number between 0 and 9 999, made of the database's salt, the name of the operation or of its
group, and who the user is. A share of 5 % are the numbers below 500: raising it keeps who is in.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from starlette.types import Scope

WHOLE = 10_000
"""A share of 100 %."""


class StickyError(ValueError):
    """The text does not say what a canary sticks to."""


class StickTo(StrEnum):
    USER = "user"
    HEADER = "header"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class Sticky:
    """What makes two requests the same user's: `user`, `header:NAME` or `cookie:NAME`."""

    to: StickTo = StickTo.USER
    name: bytes = b""

    @classmethod
    def parse(cls, text: str) -> Self:
        word, _, name = text.strip().partition(":")
        try:
            to = StickTo(word.lower())
        except ValueError:
            to = None
        if to is None or (to is StickTo.USER) != (not name) or not name.isascii():
            raise StickyError(f"'{text}': write user, header:NAME or cookie:NAME")
        return cls(to, name.lower().encode() if to is StickTo.HEADER else name.encode())

    def __str__(self) -> str:
        return f"{self.to}:{self.name.decode()}" if self.name else self.to.value


def number(seed: bytes, identity: bytes) -> int:
    """The user's place among 10 000. `seed` is of `seed_of`."""
    digest = hashlib.blake2b(identity, digest_size=8, key=seed).digest()
    return int.from_bytes(digest) % WHOLE


def seed_of(salt: str, name: str) -> bytes:
    """What makes another order of users for each operation or group."""
    return hashlib.blake2b(f"{salt}\n{name}".encode(), digest_size=32).digest()


def identity(sticky: Sticky, headers: Iterable[tuple[bytes, bytes]], scope: Scope) -> bytes:
    """Who asks. Who does not bring what is stuck to is the user of a token, then the address."""
    authorization = cookie = None
    for name, value in headers:
        if name == b"authorization":
            authorization = value
        elif name == b"cookie":
            cookie = value
        if name == sticky.name and sticky.to is StickTo.HEADER:
            return b"h" + value
    if sticky.to is StickTo.COOKIE and cookie is not None:
        cookie_value = _cookie(cookie, sticky.name)
        if cookie_value is not None:
            return b"c" + cookie_value
    if authorization is not None:
        return _user(authorization)
    client = scope.get("client")
    return b"a" + client[0].encode() if client else b"a"


def _cookie(header: bytes, name: bytes) -> bytes | None:
    for pair in header.split(b";"):
        key, equals, value = pair.strip().partition(b"=")
        if equals and key == name:
            return value
    return None


def _user(authorization: bytes) -> bytes:
    """The subject of a JWT or the name of Basic; whatever else is sent is an identity by itself.

    The token is not verified here: a forged one chooses a stack, and is refused by either.
    """
    scheme, _, credentials = authorization.partition(b" ")
    scheme = scheme.lower()
    if scheme == b"bearer" and credentials.count(b".") == 2:
        try:
            subject = json.loads(_base64(credentials.split(b".")[1])).get("sub")
            if subject is not None:
                return b"u" + str(subject).encode()
        except (ValueError, AttributeError, RecursionError):
            # no JSON, no object, nested too deep, or half a surrogate pair: a forged one
            pass
    elif scheme == b"basic":
        try:
            return b"b" + base64.b64decode(credentials).partition(b":")[0]
        except binascii.Error:
            pass
    return b"t" + authorization


def _base64(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
