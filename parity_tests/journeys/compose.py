"""Turns a step into the request one side is sent: templates, user, body. Pure."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from parity_core.compare import tokens
from parity_core.model import MISSING, ParityError, Request
from parity_tests.journeys.model import Step
from parity_tests.journeys.sign import TokenHeader, UserSession
from parity_tests.journeys.templates import fill, fill_text

_BEARER = TokenHeader()
# every character that may stand in a request line stays; only what may not is escaped
_SAFE = "%/?&=:;@!$'()*+,~-._[]|{}^`"


def compose(
    step: Step,
    known: Mapping[str, Any],
    environment: Mapping[str, str],
    now: int,
    shown: TokenHeader = _BEARER,
) -> Request:
    """`known` are this side's captured values; `now` is the moment that minted tokens count from.

    `shown` is the header in which the API takes a token. `known["NAME.session"]`, where it is, is
    what the user of that name sends.
    """
    headers = _signed(step, known, environment, now, shown)
    body, content_type = _body(step, known)
    if step.content_type is not None:
        content_type = fill_text(step.content_type, known)
    if step.encoding and body is not None:
        body = _compressed(body, step.encoding)
        headers.append(("Content-Encoding", step.encoding))
    own = {name.lower() for name in step.headers}
    if content_type and "content-type" not in own:
        headers.append(("Content-Type", content_type))
    headers = [(name, value) for name, value in headers if name.lower() not in own]
    headers += [(name, fill_text(value, known)) for name, value in step.headers.items()]
    target = quote(fill_text(step.target, known), safe=_SAFE)
    return Request(step.method, target, tuple(headers), body)


def _body(step: Step, known: Mapping[str, Any]) -> tuple[bytes | None, str | None]:
    if step.json is not MISSING:
        return json.dumps(fill(step.json, known)).encode(), "application/json"
    if step.form is not None:
        fields = urlencode(fill(step.form, known), doseq=True)
        return fields.encode(), "application/x-www-form-urlencoded"
    if isinstance(step.body, str):
        # a body whose type the journey does not tell is meant to be what this API speaks
        return fill_text(step.body, known).encode(), "application/json"
    if step.body is not None:
        return step.body, "application/octet-stream"
    return None, None


def _compressed(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.compress(body, mtime=0)
    if encoding == "deflate":
        return zlib.compress(body)
    try:
        import brotli
    except ImportError:
        raise ParityError(
            "a body with `encoding: br` needs the package brotli, which parity-core asks for"
        ) from None
    return bytes(brotli.compress(body))


def _signed(
    step: Step,
    known: Mapping[str, Any],
    environment: Mapping[str, str],
    now: int,
    shown: TokenHeader,
) -> list[tuple[str, str]]:
    """The headers that show who asks."""
    user = step.user
    if user is None:
        return []
    if isinstance(user, UserSession):
        return user.of(step.method)
    if isinstance(user, str):
        session = known.get(f"{user}.session")
        if isinstance(session, UserSession):
            return session.of(step.method)
        return [shown.of(fill_text(f"${{{user}.token}}", known))]
    if "authorization" in user:
        return [("Authorization", fill_text(user["authorization"], known))]
    if "token" in user:
        return [shown.of(fill_text(user["token"], known))]
    if "minted" in user:
        name = fill_text(user.get("secret", "SECRET_KEY"), known)
        claims = fill(user["minted"], known)
        secret = environment.get(name, name)
        algorithm = str(user.get("alg", "HS256"))
        header = fill(user.get("header") or {}, known)
        return [shown.of(tokens.mint(claims, secret, now, algorithm, header))]
    raise ParityError(f"`as: {user}` says neither a token nor a login")


def curl(request: Request, origin: str) -> str:
    """The request as a command that a person can paste."""
    words = ["curl", "-i"]
    if request.method == "HEAD":
        words.append("-I")
    elif request.method != "GET" or request.body is not None:
        words += ["-X", request.method]
    words.append(_quoted(origin + request.target))
    for name, value in request.headers:
        words += ["-H", _quoted(f"{name}: {value}")]
    if request.body is not None:
        try:
            words += ["--data-binary", _quoted(request.body.decode())]
        except UnicodeDecodeError:
            hexed = "".join(f"\\x{byte:02x}" for byte in request.body[:4000])
            words += ["--data-binary", "@-", "<", f"<(printf '{hexed}')"]
    return " ".join(words)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
