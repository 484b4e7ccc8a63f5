"""The forms in which password hashes are stored, by the libraries that Python applications use. Pure.

Every pattern looks at bounded pieces: a client decides what is searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_FORMS = (
    # bcrypt: 22 characters of salt and 31 of digest
    r"(?P<bcrypt>\$2[abxy]?\$\d\d\$)[./A-Za-z0-9]{53}",
    # Werkzeug: method and parameters, salt, digest in hexadecimal digits
    r"(?P<werkzeug>(?:scrypt(?::\d{1,10}){3}|pbkdf2:[a-z0-9]{2,12}(?::\d{1,10})?)\$)[^\s$\"']{1,64}\$[0-9a-f]{32,256}",
    # Django: algorithm, rounds, salt, digest in base64
    r"(?P<django>pbkdf2_[a-z0-9]{2,12}\$\d{1,10}\$)[^\s$\"']{1,64}\$[A-Za-z0-9+/=]{20,128}",
    # PHC strings: argon2, scrypt, pbkdf2 with their parameters
    r"(?P<phc>\$(?:argon2(?:id|i|d)|scrypt|pbkdf2(?:-[a-z0-9]{2,12})?)\$(?:v=\d{1,4}\$)?[a-z0-9=,]{1,60}\$)"
    r"[A-Za-z0-9+/.=]{4,128}\$[A-Za-z0-9+/.=]{16,256}",
    # crypt(3): SHA-256 and SHA-512, with or without rounds
    r"(?P<crypt>\$[56]\$(?:rounds=\d{1,10}\$)?)[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43,86}",
)
_ANY = re.compile("|".join(_FORMS))
STARTS = ("$2", "scrypt:", "pbkdf2", "$argon2", "$scrypt$", "$5$", "$6$")
"""One of these is in every text that holds a password hash."""


def replace(text: str, instead: str) -> str:
    """The text with `instead` for every password hash in it."""
    return substitute(text, lambda _: instead)


def substitute(text: str, instead: Callable[[str], str]) -> str:
    """The text with what `instead` makes of each password hash in it."""
    if not any(start in text for start in STARTS):
        return text
    return _ANY.sub(lambda match: instead(match[0]), text)


def scheme(text: str) -> str | None:
    """Scheme and cost of a text that is a password hash and nothing else: all before its salt."""
    match = _ANY.fullmatch(text)
    return None if match is None else next(part for part in match.groups() if part is not None)
