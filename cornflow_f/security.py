"""Password hashes and tokens, interchangeable with the legacy's.

Sources: ``models/user.py`` (bcrypt, ident 2b, 10 rounds) and ``shared/authentication/auth.py`` (HS256).
Hashing takes tens of milliseconds of CPU: callers on the event loop use a thread.
"""

import secrets
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import jwt

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
    return jwt.encode(claims, secret, algorithm=_ALGORITHM)


def create_bi_token(secret: str, username: str) -> str:
    """A token without expiry, for business intelligence tools, signed with a secret of its own."""
    claims = {"iat": datetime.now(UTC), "sub": username, "iss": INTERNAL_TOKEN_ISSUER}
    return jwt.encode(claims, secret, algorithm=_ALGORITHM)


def decode_token(token: str, secret: str) -> dict[str, Any]:
    """The claims of a token made by either stack; `sub` may be missing. Raises ExpiredToken or InvalidToken."""
    claims = verified_claims(token, secret, _ALGORITHM)
    if claims.get("iss") != INTERNAL_TOKEN_ISSUER:
        raise InvalidToken("the issuer is not this application")
    return claims


def decode_bi_token(token: str, secret: str) -> dict[str, Any]:
    return verified_claims(token, secret, _ALGORITHM)


def verified_claims(token: str, key: Any, algorithm: str, **expected: Any) -> dict[str, Any]:
    """The claims of a token with this signature, whose times and `expected` claims are right.

    The library is the legacy's, so that of two faults both name the same one: first the signature, then
    the times, then the rest. Raises ExpiredToken or InvalidToken, whatever the library stumbles on.
    """
    try:
        return jwt.decode(token, key, algorithms=[algorithm], **expected)
    except jwt.ExpiredSignatureError as error:
        raise ExpiredToken(str(error)) from error
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidToken(str(error)) from error
