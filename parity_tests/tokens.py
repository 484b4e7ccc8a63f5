"""JSON web tokens by the standard library alone: minted for requests, taken apart for comparing. Pure."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
TIMES = ("exp", "iat", "nbf")


@dataclass(frozen=True)
class Token:
    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    def is_signed_with(self, secret: str) -> bool:
        digest = _DIGESTS.get(str(self.header.get("alg")))
        if digest is None:
            return False
        wanted = hmac.new(secret.encode(), self.signed, digest).digest()
        return hmac.compare_digest(wanted, self.signature)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mint(claims: Mapping[str, Any], secret: str, now: int, algorithm: str = "HS256") -> str:
    """`exp`, `iat` and `nbf` are seconds from `now`; every other claim is taken as it is."""
    told = {
        k: now + v if k in TIMES and isinstance(v, int | float) else v for k, v in claims.items()
    }
    head = {"alg": algorithm, "typ": "JWT"}
    signed = ".".join(
        _encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, told)
    )
    digest = _DIGESTS.get(algorithm)
    signature = hmac.new(secret.encode(), signed.encode(), digest).digest() if digest else b""
    return f"{signed}.{_encode(signature)}"


def parse(text: str) -> Token | None:
    """None when the text is not a token; its signature is not checked."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    try:
        header, claims = (json.loads(_decode(part)) for part in parts[:2])
        signature = _decode(parts[2])
    except (ValueError, binascii.Error):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return Token(header, claims, ".".join(parts[:2]).encode(), signature)
