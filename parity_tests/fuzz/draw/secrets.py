"""Passwords that one habit or another changes on the way, and what such habits make of them. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LONGEST = 72
"""Bytes that the commonest hash of passwords takes."""
_PAD = "abcdefghij" * 20


def secrets(base: str) -> list[str]:
    """Passwords like `base`, each with something in it that must not get lost."""
    return [
        f" {base}",
        f"{base} ",
        f"{base}\n",
        f"\t{base}\u00a0",
        f"{base} x",
        f"{base}e\u0301",
        f"{base}\u00c9",
        f"{base}ﬁ²",
        f"{base}ß",
        f"{base}İı",
        f"{base}\u200b",
        f"{base}😀",
        f"{base}%20+&<b>\"'\\",
        _sized(base, LONGEST - 1),
        _sized(base, LONGEST),
        _sized(base, LONGEST + 1),
        _sized(base, LONGEST - 1) + "é",
        _sized(base, 2 * LONGEST),
        base + "５",
    ]


def _sized(base: str, size: int) -> str:
    return (base + _PAD)[:size]


def mistaken(secret: str) -> list[str]:
    """What a careless hand makes of it: none of these logs in, unless both stacks let it."""
    return list(dict.fromkeys(one for one in _mistaken(secret) if one != secret))


def _mistaken(secret: str) -> Iterator[str]:
    yield secret.strip()
    yield from (unicodedata.normalize(form, secret) for form in ("NFC", "NFD", "NFKC"))
    yield secret.lower()
    yield secret.casefold()
    yield secret.swapcase()
    yield secret.encode()[:LONGEST].decode(errors="ignore")
    yield "".join(secret.split())
    yield secret.encode("ascii", "ignore").decode()
    yield f"{secret} "
    yield secret[:-1]
