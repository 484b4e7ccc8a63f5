"""Takes secrets out of requests and replies before they are written. Pure.

A masked value is `<masked>`; a masked token is `<token u-…>`, with the fingerprint of its user, so that
a replay can tell which later requests were sent with it.
"""

from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote_plus

from parity_core import password_hash
from parity_core.capture import scan, secrets
from parity_core.capture.fingerprint import FingerprintKey

MASKED = "<masked>"
MASKED_TOKEN = re.compile(r"<token (u-[0-9a-f]{16})>")

_SHORTEST = 6
"""Characters of a secret that is searched for elsewhere: shorter ones are in every other word."""
TOO_COSTLY = "too costly to mask: left out"
_SECONDS = 1.0
"""Of one exchange, of the processor's time of the thread that masks it."""
_SEARCHED = 256 * 1024 * 1024
"""Characters that are searched for secrets, at most: text times secrets."""
_NODES = 2_000
"""Values of a document between two looks at the clock."""


class TooCostly(Exception):
    """To mask this exchange would take the processor from the clients: it must be left out."""


class Masker:
    """What is secret: the usual names, and those that are configured, of fields and of headers."""

    def __init__(
        self, key: FingerprintKey, names: Iterable[str] = (), seconds: float = _SECONDS
    ) -> None:
        self.key = key
        self.seconds = seconds
        names = tuple(names)
        self.is_secret = secrets.rule(names)
        # the first letters of a name are enough to look closer; `api-key` and `apiKey` are one name
        own = {secrets.plain(name)[:3] for name in names if name.strip()}
        self._starts = sorted(
            word.encode() for word in {*secrets.STARTS, *own, "eyj", *password_hash.STARTS}
        )

    def one(self) -> Masking:
        """For one exchange: what is secret in one place of it is secret in all."""
        return Masking(self)

    def looks_harmless(self, raw: bytes) -> bool:
        """Nothing in these bytes can be a secret's name or a token."""
        if b"\\u" in raw or b"\x00" in raw or b"%" in raw:
            return False
        # many times faster than one pattern, and the interpreter's lock is held meanwhile
        lower = raw.lower()
        return not any(start in lower for start in self._starts)


class Masking:
    """Masks the parts of one exchange. `scrub` comes last, when all its secrets are known.

    Each of its methods raises TooCostly once the exchange has had its time.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._secrets: set[str] = set()
        # of this thread: a busy machine must not leave out what is cheap
        self._deadline = time.thread_time() + masker.seconds
        self._nodes = 0
        self._searched = 0

    def remember(self, secret: str) -> None:
        if len(secret) >= _SHORTEST and secret not in (MASKED, "bearer"):
            self._secrets.add(secret)

    def headers(self, fields: Iterable[tuple[str, str]]) -> list[list[str]]:
        kept = []
        for name, value in fields:
            lower = name.lower()
            if lower == "authorization":
                continue
            if self._masker.is_secret(lower):
                for secret in _cookies(lower, value):
                    self.remember(secret)
                value = MASKED
            kept.append([lower, self.text(value)])
        return kept

    def target(self, target: str) -> str:
        path, mark, query = target.partition("?")
        if not mark:
            return self._tokens(path)
        pieces = []
        for piece in query.split("&"):
            name, equals, value = piece.partition("=")
            if equals and value and self._masker.is_secret(unquote_plus(name)):
                piece = f"{name}={quote(self._value(name, unquote_plus(value)), safe='')}"
            pieces.append(piece)
        return self._tokens(f"{path}?{'&'.join(pieces)}")

    def body(self, raw: bytes) -> str | bytes:
        """Text where it is text, as it was sent unless something in it was masked."""
        if self._masker.looks_harmless(raw):
            return _decoded(raw)
        with _no_collection():
            return self._masked_json(raw)

    def _masked_json(self, raw: bytes) -> str | bytes:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return self._text_body(raw)
        try:
            masked = self.json(value)
            if masked != value:
                return json.dumps(masked)
        except RecursionError:
            raise TooCostly from None
        return _decoded(raw)

    def _text_body(self, raw: bytes) -> str | bytes:
        decoded = _decoded(raw)
        if isinstance(decoded, str):
            return self.text(decoded)
        return self.text(decoded.decode("latin-1")).encode("latin-1", "replace")

    def json(self, value: Any) -> Any:
        return secrets.replaced(value, self._masker.is_secret, self._leaf)

    def _leaf(self, name: str, value: Any) -> Any:
        self._nodes += 1
        if self._nodes % _NODES == 0:
            self.check()
        return self._value(name, value) if name else self.text(value)

    def check(self) -> None:
        if time.thread_time() > self._deadline:
            raise TooCostly

    def text(self, text: str) -> str:
        """Tokens, and fields as JSON, forms and multipart bodies write them, anywhere in a text."""
        if len(text) > _SHORTEST:
            text = self._tokens(text)
            self.check()
        return scan.replace_fields(text, self._masker.is_secret, self._value)

    def scrub(self, text: str) -> str:
        """The text without the secrets that were met in this exchange."""
        self._searched += len(text) * len(self._secrets)
        if self._searched > _SEARCHED:
            raise TooCostly
        for secret in sorted(self._secrets, key=len, reverse=True):
            if secret in text:
                text = text.replace(secret, MASKED)
            escaped = json.dumps(secret)[1:-1]
            if escaped != secret and escaped in text:
                text = text.replace(escaped, MASKED)
        self.check()
        return text

    def _value(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            for leaf in _leaves(value):
                self.check()
                self.remember(leaf)
            return MASKED
        if MASKED_TOKEN.fullmatch(value):
            return value
        self.remember(value)
        if "%" in value or "+" in value:
            self.remember(unquote_plus(value))
        if secrets.plain(name).endswith("token"):
            return f"<token {self._masker.key.token(value)}>"
        return MASKED

    def _tokens(self, text: str) -> str:
        text = scan.replace_tokens(text, self._token)
        return password_hash.substitute(text, self._hash)

    def _hash(self, value: str) -> str:
        self.remember(value)
        return MASKED

    def _token(self, value: str) -> str:
        self.remember(value)
        return f"<token {self._masker.key.token(value)}>"


def _cookies(name: str, value: str) -> list[str]:
    """The values of cookies; of any other header, its value."""
    if "cookie" not in name:
        return [value]
    pieces = re.split(r";\s*", value)
    # what follows a cookie that is set are its attributes
    return [piece.partition("=")[2] for piece in (pieces[:1] if "set" in name else pieces)]


def _leaves(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value


@contextmanager
def _no_collection() -> Iterator[None]:
    """What JSON makes has no cycles; to look for them in all of the process holds every client up."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _decoded(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
