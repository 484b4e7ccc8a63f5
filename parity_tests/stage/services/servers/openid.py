"""The part of an OpenID Connect provider that a resource server sees: keys over HTTP, signed tokens.

There is no log-in page: `sign` makes the tokens that a provider would hand out, and those it never
would. RSA signatures are of one kind (PKCS #1 v1.5), so equal claims make equal tokens.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from parity_core.compare import tokens

KEYS_PATH = "/.well-known/jwks.json"
FAULTS = ("", "malformed", "empty", "no-keys", "mixed", "status-500", "no-kid", "redirect")

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class OpenIdProvider:
    """Keys `first` and `second` (not published until `rotate`), and `stranger`, never published.

    `fault` is one of FAULTS: how the keys are told wrongly. `requests` are the paths asked for.
    """

    def __init__(self, fault: str = "") -> None:
        if fault not in FAULTS:
            raise ValueError(f"no fault `{fault}`; there are {', '.join(FAULTS[1:])}")
        self.fault = fault
        self.delay = 0.0
        """Seconds that an answer takes."""
        self.keys: dict[str, PrivateKey] = {
            name: rsa.generate_private_key(public_exponent=65537, key_size=2048)
            for name in ("first", "second", "stranger")
        }
        self.published = ["first"]
        self.requests: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.requests.append(self.path)
                time.sleep(provider.delay)
                status, headers, body = provider.reply(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Not to standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def rotate(self, *names: str) -> None:
        """From now on these keys are published, and no others."""
        self.published = list(names)

    def private_key(self, name: str) -> str:
        return (
            self.keys[name]
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        )

    def public_key(self, name: str) -> str:
        """As PEM: what an attacker signs with when a server takes HS256 for RS256."""
        return (
            self.keys[name]
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    def sign(
        self,
        claims: Mapping[str, Any],
        key: str = "first",
        *,
        algorithm: str = "RS256",
        secret: str | None = None,
        header: Mapping[str, Any] | None = None,
    ) -> str:
        """A token; the times of the claims are seconds from now. `header` changes what it says of itself."""
        head = {"kid": key, **(header or {})}
        secret = self.private_key(key) if secret is None else secret
        return tokens.mint(claims, secret, int(time.time()), algorithm, head)

    def reply(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path not in (KEYS_PATH, f"{KEYS_PATH}?moved"):
            return 404, {}, b"not here"
        if self.fault == "status-500":
            return 500, {}, b"broken"
        if self.fault == "malformed":
            return 200, {"Content-Type": "application/json"}, b'{"keys": ['
        if self.fault == "redirect" and path == KEYS_PATH:
            return 302, {"Location": f"{KEYS_PATH}?moved"}, b""
        return 200, {"Content-Type": "application/json"}, json.dumps(self._key_set()).encode()

    def _key_set(self) -> Any:
        if self.fault == "no-keys":
            return {"error": "no keys today"}
        if self.fault == "empty":
            return {"keys": []}
        keys = [self.described(name) for name in self.published]
        if self.fault == "mixed":
            curve = {"kty": "EC", "crv": "P-256", "kid": "curve", "x": "AA", "y": "AA"}
            return {"keys": [curve, *keys]}
        if self.fault == "no-kid":
            return {"keys": [{k: v for k, v in key.items() if k != "kid"} for key in keys]}
        return {"keys": keys}

    def described(self, name: str) -> dict[str, str]:
        key = self.keys[name]
        assert isinstance(key, rsa.RSAPrivateKey)
        numbers = key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": name,
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
            self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _number(value: int) -> str:
    return tokens.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))
