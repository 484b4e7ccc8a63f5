"""Turns a recorded request into the one a side is sent: its own ids, token and passwords. Pure."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote

from parity_core.capture.mask import MASKED, MASKED_TOKEN
from parity_core.capture.raw import encoded
from parity_core.capture.record import Recorded
from parity_core.model import Request, Side
from parity_tests.capture.ids import Ids, decoded
from parity_tests.capture.users import Users

_OWN = frozenset((
    "accept-encoding", "authorization", "connection", "content-length", "cookie", "expect", "forwarded",
    "host", "http2-settings", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "via", "x-force-stack", "x-real-ip", "x-request-id",
))  # fmt: skip
"""What the connection, a proxy or the replay decides."""
_ENCODINGS = ("gzip", "deflate", "br", "identity")
_TOKEN_IN_QUERY = re.compile(r"(?:%3C|<)token(?:%20|\+| )(u-[0-9a-f]{16})(?:%3E|>)", re.IGNORECASE)
_SAFE = "%/?&=:;@!$'()*+,~-._[]|{}^`"


class NotReplayable(Exception):
    """The record does not say enough; the text says why."""


class Requests:
    def __init__(self, ids: Ids, users: Users) -> None:
        self._ids = ids
        self._users = users

    def compose(self, exchange: Recorded, operation: str, side: Side) -> Request:
        """Raises NotReplayable, and `users.Unmapped`."""
        if not exchange.request_body.is_whole:
            raise NotReplayable(f"the request's body was not kept: {exchange.request_body.missing}")
        headers = [(n, v) for n, v in self._headers(exchange, side) if v is not None]
        headers += self._users.headers(exchange, side)
        body = self._body(exchange, operation, side)
        target = self._ids.target(side, operation, exchange.target)
        if "oken" in target:
            target = _TOKEN_IN_QUERY.sub(
                lambda match: quote(self._users.token(match[1], side) or "masked", safe=""), target
            )
        return Request(exchange.method, quote(target, safe=_SAFE), tuple(headers), body)

    def _headers(self, exchange: Recorded, side: Side) -> list[tuple[str, str | None]]:
        headers: list[tuple[str, str | None]] = []
        for name, value in exchange.request_headers:
            lower = name.lower()
            if lower == "accept-encoding":
                known = [e for e in value.split(",") if e.partition(";")[0].strip() in _ENCODINGS]
                headers.append((name, ",".join(known).strip() or None))
            elif (
                lower not in _OWN
                and not lower.startswith(("x-forwarded-", "sec-"))
                and MASKED not in value
            ):
                headers.append((name, self._ids.text(side, value)))
        return headers

    def _body(self, exchange: Recorded, operation: str, side: Side) -> bytes | None:
        raw = exchange.request_body.content
        if not raw:
            return None
        value = decoded(raw)
        if value is not None:
            mine = self._ids.json(side, operation, self._unmasked(exchange, value, side))
            # as it was written, unless something in it is this side's own
            raw = raw if mine == value else json.dumps(mine).encode()
        else:
            raw = self._text_body(exchange, raw, side)
        if exchange.request_body.encoding:
            try:
                return encoded(raw, exchange.request_body.encoding)
            except (ValueError, ImportError) as error:
                raise NotReplayable(str(error)) from None
        return raw

    def _text_body(self, exchange: Recorded, raw: bytes, side: Side) -> bytes:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return raw
        text = MASKED_TOKEN.sub(lambda m: self._users.token(m[1], side) or "masked", text)
        if MASKED in text:
            password = self._password(exchange, dict(parse_qsl(text)))
            kinds = [v for n, v in exchange.request_headers if n.lower() == "content-type"]
            is_form = any("x-www-form-urlencoded" in kind for kind in kinds)
            text = text.replace(MASKED, quote(password, safe="") if is_form else password)
        return self._ids.text(side, text).encode()

    def _unmasked(self, exchange: Recorded, value: Any, side: Side) -> Any:
        if MASKED.encode() not in exchange.request_body.content and (
            b"<token " not in exchange.request_body.content
        ):
            return value
        password = self._password(exchange, value)

        def put_back(masked: Any) -> Any:
            if isinstance(masked, dict):
                return {key: put_back(item) for key, item in masked.items()}
            if isinstance(masked, list):
                return [put_back(item) for item in masked]
            if isinstance(masked, str):
                if token := MASKED_TOKEN.fullmatch(masked):
                    return self._users.token(token[1], side) or "masked"
                return masked.replace(MASKED, password)
            return masked

        return put_back(value)

    def _password(self, exchange: Recorded, body: Any) -> str:
        """The right one, unless a log-in with it was refused."""
        passwords = self._users.passwords(exchange, body)
        refused = exchange.status is not None and exchange.status >= 400
        return passwords.wrong if refused and self._users.is_login(exchange) else passwords.right
