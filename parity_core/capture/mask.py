"""Takes secrets out of requests and replies before they are written. Pure.

A masked value is `<masked>`; a masked token is `<token u-…>`, with the fingerprint of its user, so that
a replay can tell which later requests were sent with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote_plus

from parity_core.capture.fingerprint import TOKEN, Key

MASKED = "<masked>"
MASKED_TOKEN = re.compile(r"<token (u-[0-9a-f]{16})>")

_NAMES = frozenset(("pwd", "passwd", "passphrase", "authorization", "credentials", "otp", "pin"))
_ENDINGS = ("password", "passwd", "secret", "token", "apikey", "privatekey", "accesskey")
_HEADERS = frozenset(("cookie", "setcookie", "authorization", "proxyauthorization"))
_SHORTEST = 6
"""Characters of a secret that is searched for elsewhere: shorter ones are in every other word."""

_JSON_FIELD = re.compile(
    r'("(?P<name>[\w.\- ]{2,60})"\s*:\s*")(?P<value>(?:[^"\\]|\\.)*)', re.DOTALL
)
_FORM_FIELD = re.compile(
    r"(?P<lead>(?:^|[&?;])(?P<name>[\w.\-%\[\]]{2,60})=)(?P<value>[^&;\s\"<>]*)"
)
_PART = re.compile(
    r'(?P<lead>;\s*name="?(?P<name>[\w.\-]{2,60})"?(?:;[^\r\n]*)?\r?\n(?:[^\r\n]+\r?\n)*\r?\n)'
    r"(?P<value>.*?)(?=\r?\n--|\Z)",
    re.DOTALL,
)


class Masker:
    """What is secret: the usual names, and those that are configured, of fields and of headers."""

    def __init__(self, key: Key, names: Iterable[str] = ()) -> None:
        self.key = key
        self._names = _NAMES | {_plain(name) for name in names if name.strip()}
        words = {*_NAMES, *_ENDINGS, *self._names, "eyj", "api", "private", "access"}
        # the first letters of a name are enough to look closer; `api-key` and `apiKey` are one name
        self._starts = sorted({word[:3].encode() for word in words})

    def is_secret(self, name: str) -> bool:
        plain = _plain(name)
        return plain in self._names or plain.endswith(_ENDINGS)

    def one(self) -> Masking:
        """For one exchange: what is secret in one place of it is secret in all."""
        return Masking(self)

    def looks_harmless(self, raw: bytes) -> bool:
        """Nothing in these bytes can be a secret's name or a token."""
        if b"\\u" in raw or b"\x00" in raw:
            return False
        # many times faster than one pattern, and the interpreter's lock is held meanwhile
        lower = raw.lower()
        return not any(start in lower for start in self._starts)


class Masking:
    """Masks the parts of one exchange. `scrub` comes last, when all its secrets are known."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._secrets: set[str] = set()

    def remember(self, secret: str) -> None:
        if len(secret) >= _SHORTEST and secret not in (MASKED, "bearer"):
            self._secrets.add(secret)

    def headers(self, fields: Iterable[tuple[str, str]]) -> list[list[str]]:
        kept = []
        for name, value in fields:
            lower = name.lower()
            if lower == "authorization":
                continue
            if _plain(lower) in _HEADERS or self._masker.is_secret(lower):
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
        if not self._masker.looks_harmless(raw):
            try:
                value = json.loads(raw)
            except (ValueError, RecursionError):
                return self._text_body(raw)
            masked = self.json(value)
            if masked != value:
                return json.dumps(masked)
        return _decoded(raw)

    def _text_body(self, raw: bytes) -> str | bytes:
        found = _decoded(raw)
        if isinstance(found, str):
            return self.text(found)
        return self.text(found.decode("latin-1")).encode("latin-1", "replace")

    def json(self, value: Any, name: str = "") -> Any:
        if name and self._masker.is_secret(name) and value not in (None, "", True, False):
            return self._value(name, value)
        if isinstance(value, dict):
            return {key: self.json(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Tokens, and fields as JSON, forms and multipart bodies write them, anywhere in a text."""
        text = self._tokens(text)
        if '":' in text or '" :' in text:
            text = _JSON_FIELD.sub(self._field, text)
        if "=" in text:
            text = _FORM_FIELD.sub(self._field, text)
            if "name=" in text:
                text = _PART.sub(self._field, text)
        return text

    def scrub(self, text: str) -> str:
        """The text without the secrets that were met in this exchange."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            if secret in text:
                text = text.replace(secret, MASKED)
            escaped = json.dumps(secret)[1:-1]
            if escaped != secret and escaped in text:
                text = text.replace(escaped, MASKED)
        return text

    def _field(self, found: re.Match[str]) -> str:
        lead = found.groupdict().get("lead") or found[1]
        name, value = found["name"], found["value"]
        if not value or not self._masker.is_secret(name):
            return found[0]
        return lead + self._value(name, value)

    def _value(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            for leaf in _leaves(value):
                self.remember(leaf)
            return MASKED
        if MASKED_TOKEN.fullmatch(value):
            return value
        self.remember(value)
        if "%" in value or "+" in value:
            self.remember(unquote_plus(value))
        if _plain(name).endswith("token"):
            return f"<token {self._masker.key.token(value)}>"
        return MASKED

    def _tokens(self, text: str) -> str:
        return TOKEN.sub(lambda found: self._token(found[0]), text) if "eyJ" in text else text

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


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "").replace("_", "").replace(" ", "")


def _decoded(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
