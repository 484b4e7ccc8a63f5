"""Takes secrets out of what a report shows, so that it may be passed on. Pure.

What is secret is said by `parity_core.capture.secrets`. A secret is replaced by `<its name>`, in a command by a
shell variable where it is a header; of a signed token the claims stay, which nobody can log in with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from parity_core import password_hash
from parity_core.capture import scan
from parity_core.capture.secrets import is_secret, may_be_secret, replaced
from parity_core.model import MISSING, Request

_VARIABLES = {"authorization": "TOKEN", "cookie": "COOKIE", "x-api-key": "API_KEY"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z-]*")


def unsigned(text: str) -> str:
    """Text whose signed tokens have lost their signature: claims can be read, nobody can log in."""
    return password_hash.replace(scan.replace_tokens(text, _without_signature), "(hash)")


def _without_signature(token: str) -> str:
    claims, _, signature = token.rpartition(".")
    return f"{claims}.(signature)" if signature else token


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and scan.replace_tokens(value, lambda _: "") == ""


def header(name: str, value: str) -> str:
    """A header's value; of a secret one its scheme and the name of a shell variable."""
    if not is_secret(name):
        return unsigned(value)
    variable = _VARIABLES.get(name.lower()) or re.sub(r"[^A-Z0-9]", "_", name.upper())
    scheme, space, _ = value.partition(" ")
    # the scheme goes to a shell unquoted: nothing but a word may be one
    keeps_scheme = space and variable == "TOKEN" and _SCHEME.fullmatch(scheme)
    return f"{scheme} ${variable}" if keeps_scheme else f"${variable}"


def value(document: Any, place: str = "") -> Any:
    """A JSON value of a reply, a row or a difference; secret if any part of its place is."""
    if document is MISSING:
        return document
    if any(is_secret(part) for part in place.split("/")) and may_be_secret(document):
        return _instead(place.rpartition("/")[2], document)
    return replaced(document, is_secret, _instead)


def _instead(name: str, document: Any) -> Any:
    if name and not _is_token(document):
        return f"<{name}>"
    return text(document) if isinstance(document, str) and not name else unsigned(document)


def text(raw: str) -> str:
    """Any text: its tokens unsigned, its secret fields replaced, as JSON or a form writes them."""
    fields = scan.replace_fields(unsigned(raw), is_secret, lambda name, one: _instead(name, one))
    return str(fields)


def body(raw: bytes) -> str | None:
    """A body as text, its secret fields replaced; None when it is no text."""
    try:
        whole = raw.decode()
        document = json.loads(whole)
    except UnicodeDecodeError:
        return None
    except (ValueError, RecursionError):
        return text(whole)
    try:
        shown = value(document)
        return whole if shown == document else json.dumps(shown, ensure_ascii=whole.isascii())
    except RecursionError:
        return text(whole)


def binary(raw: bytes) -> bytes:
    """A body that is no text, without the secrets that it says in plain letters."""
    return text(raw.decode("latin-1")).encode("latin-1", "replace")


def target(request: Request) -> str:
    return text(request.target)


def masked(headers: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [[name, header(name, one)] for name, one in headers]
