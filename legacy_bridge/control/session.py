"""The session of somebody who has the bridge's token: a signed name, so that every worker can read it."""

import base64
import binascii
import hashlib
import hmac


class TokenSession:
    """Signs with a key made of the token: another token ends all sessions."""

    def __init__(self, token: str) -> None:
        self._key = hmac.new(token.encode(), b"cutover session", hashlib.sha256).digest()

    def issue(self, name: str, until: float) -> str:
        """`until`: seconds since 1970."""
        encoded = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")
        content = f"{encoded}.{until:.0f}"
        return f"{content}.{self._sign(content)}"

    def name_of(self, session: str, now: float) -> str | None:
        content, _, signature = session.rpartition(".")
        if not hmac.compare_digest(self._sign(content).encode(), signature.encode()):
            return None
        encoded, _, until = content.partition(".")
        if float(until) < now:
            return None
        try:
            return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        except (binascii.Error, ValueError):
            return None

    def _sign(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), hashlib.sha256).hexdigest()
