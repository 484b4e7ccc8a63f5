"""Cross-origin headers as the legacy's Flask-CORS sends them with `CORS_ORIGINS` as its only setting.

One owner: no other layer of the port sends these headers.
"""

import re

_REGULAR_EXPRESSION_SIGNS = frozenset("*\\]?$^[()")
_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"

RawHeaders = list[tuple[bytes, bytes]]


class CorsPolicy:
    def __init__(self, origins: str) -> None:
        """`origins`: `*`, one origin, or a regular expression for origins."""
        # parity: a list with commas is one origin, which matches none (config.py, CORS_ORIGINS)
        self._any = origins == "*"
        self._origin = ".*" if self._any else origins
        self._is_pattern = any(sign in self._origin for sign in _REGULAR_EXPRESSION_SIGNS)

    def headers(
        self,
        method: str,
        origin: str | None,
        requested_method: str | None = None,
        requested_headers: str | None = None,
        requested_private_network: str | None = None,
    ) -> RawHeaders:
        """What to add to the reply to a request with these headers."""
        allowed = self._allowed_origin(origin)
        if not allowed:
            return []
        headers = [(b"access-control-allow-origin", allowed.encode("latin-1", "replace"))]
        if requested_private_network == "true":
            headers.append((b"access-control-allow-private-network", b"false"))
        if method == "OPTIONS" and (requested_method or "").upper() in _METHODS.split(", "):
            if requested_headers:
                names = sorted(name.strip() for name in requested_headers.split(","))
                listed = ", ".join(names).encode("latin-1", "replace")
                headers.append((b"access-control-allow-headers", listed))
            headers.append((b"access-control-allow-methods", _METHODS.encode()))
        if self._is_pattern and allowed != "*":
            headers.append((b"vary", b"Origin"))
        return headers

    def _allowed_origin(self, origin: str | None) -> str | None:
        if not origin:
            if self._any:
                return "*"
            return None if self._is_pattern else self._origin
        if self._is_pattern:
            return origin if re.match(self._origin, origin, re.IGNORECASE) else None
        return origin if origin.lower() == self._origin.lower() else None
