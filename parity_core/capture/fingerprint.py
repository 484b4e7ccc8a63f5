"""Who sent a request, without saying who: keyed fingerprints of users, tokens and addresses.

One key per capture folder, so that a user is the same in all files of all workers and after a restart.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity_core import private

KEY_FILE = "capture.key"
_SCHEME = 20
"""Characters of a scheme that are kept."""


@dataclass(frozen=True, slots=True)
class FingerprintedCaller:
    """What the Authorization header of a request tells."""

    user: str
    """The fingerprint. One for all tokens of one user where the token names its subject."""
    scheme: str
    expired: bool
    secrets: tuple[str, ...]
    """Text that must appear nowhere in the record of this request."""
    opaque: bool = False
    """Nothing can be read in the token: it is of another kind, or none at all."""


class FingerprintKey:
    """Makes fingerprints; without the key nobody can tell whose they are, or try names."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def fingerprint(self, kind: str, value: str) -> str:
        text = f"{kind}:{value}".encode(errors="surrogatepass")
        return "u-" + hmac.new(self._raw, text, hashlib.sha256).hexdigest()[:16]

    def subject(self, name: object) -> str:
        return self.fingerprint("sub", str(name))

    def token(self, value: str) -> str:
        """Of a token in a body: its user where it names one, else the token itself."""
        claims = claims_of(value)
        if claims is not None and claims.get("sub") is not None:
            # a subject that is nested too deep to be written names nobody
            with suppress(RecursionError):
                return self.subject(claims["sub"])
        return self.fingerprint("token", value)

    def address(self, value: str) -> str:
        return self.fingerprint("addr", value)

    def is_in_sample(self, fingerprint: str, share: float) -> bool:
        """The same users for as long as the key lives, whichever worker asks."""
        if share >= 1:
            return True
        digest = hmac.new(self._raw, b"sample:" + fingerprint.encode(), hashlib.sha256).digest()
        return bool(int.from_bytes(digest[:8], "big") < share * 2**64)

    def caller(self, authorization: str, now: float | None = None) -> FingerprintedCaller:
        scheme, _, value = authorization.strip().partition(" ")
        scheme, value = scheme.lower(), value.strip()
        if scheme == "basic":
            return self._basic(value)
        if scheme != "bearer":
            # without a second word the first is no scheme, but may be the secret itself
            return FingerprintedCaller(
                self.fingerprint("auth", authorization),
                scheme[:_SCHEME] if value else "other",
                False,
                tuple({value or authorization.strip(), value or scheme}),
            )
        claims = claims_of(value)
        end = (claims or {}).get("exp")
        expired = isinstance(end, int | float) and end < (time.time() if now is None else now)
        return FingerprintedCaller(self.token(value), scheme, expired, (value,), claims is None)

    def _basic(self, value: str) -> FingerprintedCaller:
        try:
            name, _, password = base64.b64decode(value).decode().partition(":")
        except (ValueError, binascii.Error):
            return FingerprintedCaller(self.fingerprint("auth", value), "basic", False, (value,))
        return FingerprintedCaller(
            self.subject(name), "basic", False, tuple(filter(None, (value, password)))
        )


def claims_of(token: str) -> dict[str, Any] | None:
    """The claims of a JSON web token, its signature not checked; None when it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        head, body = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            for part in parts[:2]
        )
    except (ValueError, binascii.Error, RecursionError):
        return None
    return body if isinstance(head, dict) and isinstance(body, dict) else None


def open_key(folder: Path, key_text: str | None = None) -> FingerprintKey:
    """The key of a folder, made when there is none; OSError when the folder can't be written.

    `key_text` is the text of a key that is kept elsewhere.
    """
    if key_text:
        return FingerprintKey(key_text.encode())
    private.make_folder(folder)
    key = read_key(folder)
    if key is not None:
        return key
    # Workers start together: the name appears with its content, for the first of them.
    draft = folder / f".{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}"
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, secrets.token_hex(32).encode())
    finally:
        os.close(handle)
    with suppress(FileExistsError):
        os.link(draft, folder / KEY_FILE)
    draft.unlink()
    key = read_key(folder)
    if key is None:
        raise OSError(f"{folder / KEY_FILE} is empty")
    return key


def read_key(folder: Path) -> FingerprintKey | None:
    try:
        text = (folder / KEY_FILE).read_text().strip()
    except FileNotFoundError:
        return None
    return FingerprintKey(text.encode()) if text else None
