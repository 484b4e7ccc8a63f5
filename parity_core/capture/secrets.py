"""The one rule of what is secret, by its name: for captures, the live page, reports, commands and logs. Pure.

A name is cut into words (`airflow_pwd`, `newPassword`, `X-Api-Key`, `user.pin`) and judged by them, so
that `spinning`, `author`, `compass` and `secretary` hide nothing. When in doubt it is secret: what is
hidden wrongly costs a look at the source, what is shown wrongly costs a password.

- words that make a name secret wherever they stand: `_ANYWHERE`, whatever contains `_INSIDE`;
- words that do so only at the end (`user_pass`, `pin`, `pin_code`): `_AT_THE_END`;
- two words that do so together (`api key`): `_PAIRS`;
- but not a name that ends with a word that says something *about* a secret (`pwd_last_change`,
  `token_count`, `secret_name`): `_ABOUT`; nor a number of tokens (`max_tokens`).

A value that can be no secret (nothing, true, false, 0, 1) is never hidden, so `change_password: true` stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any

Rule = Callable[[str], bool]
"""Whether what has this name is a secret."""

_ANYWHERE = frozenset((
    "pwd", "pwds", "secret", "secrets", "token", "tokens", "credential", "credentials", "creds",
    "authorization", "otp", "totp", "passcode", "passkey", "jwt", "bearer", "csrf", "xsrf", "cvv", "cvc",
))  # fmt: skip
_INSIDE = ("password", "passwd", "passphrase")
"""Parts of no other word."""
_ENDINGS = (
    "secret",
    "secrets",
    "token",
    "tokens",
    "apikey",
    "privatekey",
    "accesskey",
    "secretkey",
    "pwd",
)
"""Of words that are written together: `accesstoken`, `clientsecret`."""
_AT_THE_END = frozenset(("pass", "pin"))
_FURTHER = frozenset(("code", "hash", "number", "value"))
_PAIRS = frozenset(
    (kind, "key")
    for kind in ("api", "private", "access", "secret", "signing", "encryption", "auth", "master",
                 "account", "shared", "ssh", "session")
)  # fmt: skip
_WHOLE = frozenset(("cookie", "cookies", "setcookie", "passwordhash"))
_ABOUT = frozenset((
    "age", "alg", "algorithm", "at", "change", "changed", "changes", "count", "counts", "date", "duration",
    "enabled", "endpoint", "expiration", "expired", "expires", "expiry", "format", "in", "kind", "len",
    "length", "lifetime", "limit", "login", "name", "names", "on", "policy", "required", "rotation", "rules",
    "remaining", "size", "status", "strength", "time", "times", "ttl", "type", "types", "uri", "url", "used",
    "valid",
))  # fmt: skip
_AMOUNTS = frozenset(("max", "min", "n", "num", "number", "total", "used", "input", "output"))

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")
_LONGEST = 200
"""Characters of a name that are looked at: the last ones."""


def words(name: str) -> list[str]:
    """`newPassword-2` is `new`, `password`, `2`."""
    return [word.lower() for word in _WORD.findall(name)]


def plain(name: str) -> str:
    """A name as it is compared with one that an operator has configured."""
    return name.strip().lower().replace("-", "").replace("_", "").replace(" ", "")


def is_secret(name: str) -> bool:
    """The rule. `rule` adds names of one's own to it."""
    return _judged(name[-_LONGEST:])


@lru_cache(maxsize=4096)
def _judged(name: str) -> bool:
    parts = words(name)
    while parts and parts[-1].isdigit():
        parts.pop()
    if not parts:
        return False
    joined = "".join(parts)
    if joined in _WHOLE or joined in _ANYWHERE or joined in _AT_THE_END:
        return True
    if joined.endswith(_ENDINGS + _INSIDE) and not _is_amount(parts):
        return True
    if parts[-1] in _AT_THE_END or (
        len(parts) > 1 and parts[-2] in _AT_THE_END and parts[-1] in _FURTHER
    ):
        return True
    if parts[-1] in _ABOUT or _is_amount(parts):
        return False
    return any(_is_one_word(part) for part in parts) or any(
        pair in _PAIRS for pair in pairwise(parts)
    )


def _is_one_word(word: str) -> bool:
    return word in _ANYWHERE or word.endswith(_ENDINGS) or any(part in word for part in _INSIDE)


def _is_amount(parts: list[str]) -> bool:
    return parts[-1] == "tokens" and len(parts) > 1 and parts[0] in _AMOUNTS


STARTS = frozenset(
    {part[:3] for part in (*_ANYWHERE, *_INSIDE, *_ENDINGS, *_AT_THE_END, *_WHOLE)} | {"key"}
)
"""Text in small letters that holds none of them names no secret."""


def rule(names: Iterable[str] = ()) -> Rule:
    """The rule, and names that somebody has configured: letter case, `-` and `_` do not count."""
    own = frozenset(plain(name) for name in names if name.strip())
    if not own:
        return is_secret
    return lambda name: is_secret(name) or plain(name) in own


def may_be_secret(value: Any) -> bool:
    """Nothing, true, false, 0 and 1 are no secrets, whatever their name."""
    return value not in (None, "", True, False)


def replaced(document: Any, is_secret: Rule, replace: Callable[[str, Any], Any]) -> Any:
    """A JSON value with `replace(name, value)` for all that is secret, and for all other text (with no name).

    What lies below a secret name is secret as a whole. Raises RecursionError for a value nested too deep.
    """
    if isinstance(document, dict):
        return {
            key: replace(key, value)
            if is_secret(str(key)) and may_be_secret(value)
            else replaced(value, is_secret, replace)
            for key, value in document.items()
        }
    if isinstance(document, list | tuple):
        return [replaced(item, is_secret, replace) for item in document]
    return replace("", document) if isinstance(document, str) else document
