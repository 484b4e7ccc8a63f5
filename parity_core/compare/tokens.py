"""JSON web tokens: minted for requests, taken apart for comparing. Pure.

By the standard library alone, but for the RSA signatures of foreign issuers.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from parity_core.model import ParityError

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


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mint(
    claims: Mapping[str, Any],
    secret: str,
    now: int,
    algorithm: str = "HS256",
    header: Mapping[str, Any] | None = None,
) -> str:
    """`exp`, `iat` and `nbf` are seconds from `now`; every other claim is taken as it is.

    `secret` is a PEM private key for RS256. `header` adds to the header or changes it; the token is
    signed as `algorithm` says, also when the header tells otherwise. What is no algorithm signs nothing.
    """
    payload = {
        k: now + v if k in TIMES and type(v) in (int, float) else v for k, v in claims.items()
    }
    head = {"alg": algorithm, "typ": "JWT", **(header or {})}
    signed = ".".join(
        encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, payload)
    )
    return f"{signed}.{encode(_signature(signed.encode(), secret, algorithm))}"


def _signature(signed: bytes, secret: str, algorithm: str) -> bytes:
    if algorithm == "RS256":
        return _rsa_signature(signed, secret)
    digest = _DIGESTS.get(algorithm)
    return hmac.new(secret.encode(), signed, digest).digest() if digest else b""


def _rsa_signature(signed: bytes, secret: str) -> bytes:
    try:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256
    except ImportError:
        raise ParityError(
            "a token signed by RS256 needs the package cryptography: pip install 'parity-core[tokens]'"
        ) from None
    return bytes(_rsa_key(secret).sign(signed, PKCS1v15(), SHA256()))


@lru_cache(maxsize=16)
def _rsa_key(secret: str) -> Any:
    """Read once: that a key is sound takes a hundred times as long to check as to sign by it."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(secret.encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("RS256 needs an RSA key")
    return key


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
