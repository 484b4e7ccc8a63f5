"""Password hashes and tokens, interchangeable with the legacy's.

Sources: ``models/user.py`` (bcrypt, ident 2b, 10 rounds) and ``shared/authentication/auth.py`` (HS256).
Hashing takes tens of milliseconds of CPU: callers on the event loop use a thread.
"""

import secrets
import string
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import bcrypt
from jose import JWTError, jwt

from cornflow_f.constants import INTERNAL_TOKEN_ISSUER

MAX_PASSWORD_BYTES = 72
"""What bcrypt can digest: it refuses longer passwords."""

SPECIAL_CHARACTERS = "!¡?¿#$%&'()*+-_./:;,<>=@[]^`{}|~\"\\"

_ALGORITHM = "HS256"
_BCRYPT_ROUNDS = 10


class InvalidToken(Exception):
    """The token was not made with this secret, or is not for us."""


class ExpiredToken(InvalidToken):
    """The token was good once."""


def hash_password(password: str) -> str:
    """`$2b$10$…`, 60 characters. ValueError when bcrypt can't digest the password."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS)).decode("ascii")


def verify_password(password: str, hashed: str | None) -> bool:
    """False also for a user without a password and for passwords bcrypt can't digest."""
    if hashed is None:
        return False
    try:
        return bcrypt.checkpw(password.encode(), hashed.encode())
    except ValueError:
        return False


def generate_password() -> str:
    """A random password that passes the password rules: 12 to 26 characters of all four kinds."""
    choice = secrets.SystemRandom()
    lower = choice.randint(1, 9)
    upper = choice.randint(10 - lower, 11)
    characters = [
        *choice.sample(string.ascii_lowercase, lower),
        *choice.sample(string.ascii_uppercase, upper),
        *choice.sample(string.digits, choice.randint(1, 3)),
        *choice.sample(SPECIAL_CHARACTERS, choice.randint(1, 3)),
    ]
    choice.shuffle(characters)
    return "".join(characters)


def create_token(secret: str, username: str, hours: float) -> str:
    now = datetime.now(UTC)
    claims = {
        "exp": now + timedelta(hours=hours),
        "iat": now,
        "sub": username,
        "iss": INTERNAL_TOKEN_ISSUER,
    }
    return str(jwt.encode(claims, secret, algorithm=_ALGORITHM))


def create_bi_token(secret: str, username: str) -> str:
    """A token without expiry, for business intelligence tools, signed with a secret of its own."""
    claims = {"iat": datetime.now(UTC), "sub": username, "iss": INTERNAL_TOKEN_ISSUER}
    return str(jwt.encode(claims, secret, algorithm=_ALGORITHM))


def decode_token(token: str, secret: str) -> dict[str, Any]:
    """The claims of a token made by either stack. Raises ExpiredToken or InvalidToken."""
    claims = _verified_claims(token, secret)
    if claims.get("iss") != INTERNAL_TOKEN_ISSUER:
        raise InvalidToken("the issuer is not this application")
    return claims


def decode_bi_token(token: str, secret: str) -> dict[str, Any]:
    return _verified_claims(token, secret)


def _verified_claims(token: str, secret: str) -> dict[str, Any]:
    # A copy: what is remembered must not change.
    claims = dict(_signed_claims(token, secret))
    check_times(claims)
    if not isinstance(claims.get("sub"), str):
        raise InvalidToken("the token names no user")
    return claims


@lru_cache(maxsize=1024)
def _signed_claims(token: str, secret: str) -> dict[str, Any]:
    """The claims, if the signature is right. That can't change, so it is remembered."""
    try:
        # The times are not checked here: the legacy counts a token as expired in its last second
        # and refuses one issued in the future, which this library does not.
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            options={"verify_exp": False, "verify_nbf": False},
        )
    except (JWTError, RecursionError, ValueError) as error:
        raise InvalidToken(str(error)) from error
    return claims


def check_times(claims: Mapping[str, Any]) -> None:
    """Raises InvalidToken for a token that is not valid yet, ExpiredToken for one that was."""
    now = time.time()
    if _seconds(claims, "iat", 0) > now or _seconds(claims, "nbf", 0) > now:
        raise InvalidToken("the token is not valid yet")
    if "exp" in claims and _seconds(claims, "exp", 0) <= now:
        raise ExpiredToken("the token has expired")


def _seconds(claims: Mapping[str, Any], name: str, default: int) -> int:
    try:
        return int(claims.get(name, default))
    except (OverflowError, TypeError, ValueError) as error:
        raise InvalidToken(f"{name} is not a number") from error
