"""Takes secrets out of what a report shows, so that it may be passed on. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from parity_core.model import Request

_TOKEN = re.compile(r"(eyJ[\w-]{4,}\.[\w-]+)\.[\w-]+")
_HEADERS = {"authorization": "TOKEN", "cookie": "COOKIE", "x-api-key": "API_KEY"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z-]*")
_FIELD = re.compile(r"password|passwd|pwd|secret|token|api_?key", re.IGNORECASE)


def unsigned(text: str) -> str:
    """Text whose signed tokens have lost their signature: claims can be read, nobody can log in."""
    return _TOKEN.sub(r"\1.(signature)", text)


def header(name: str, value: str) -> str:
    """A header's value; of a secret one its scheme and the name of a shell variable."""
    variable = _HEADERS.get(name.lower())
    if variable is None:
        return unsigned(value)
    scheme, space, _ = value.partition(" ")
    # the scheme goes to a shell unquoted: nothing but a word may be one
    told = space and variable == "TOKEN" and _SCHEME.fullmatch(scheme)
    return f"{scheme} ${variable}" if told else f"${variable}"


def body(raw: bytes) -> str | None:
    """A body as text, its secret fields replaced; None when it is no text."""
    try:
        text = raw.decode()
        value = json.loads(text)
    except UnicodeDecodeError:
        return None
    except (ValueError, RecursionError):
        return unsigned(text)
    hidden = _hidden(value)
    return unsigned(text if hidden == value else json.dumps(hidden, ensure_ascii=text.isascii()))


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: f"<{k}>" if _FIELD.search(k) and isinstance(v, str) and v else _hidden(v)
            for k, v in value.items()
        }
    return [_hidden(item) for item in value] if isinstance(value, list) else value


def curl(request: Request, origin: str) -> str:
    """The request as a command to paste; secrets are shell variables and `<placeholders>`."""
    words = ["curl -i"]
    if request.method == "HEAD":
        words.append("--head")
    elif request.method != "GET" or request.body is not None:
        words.append(f"-X {request.method}")
    words.append(_single(origin + request.target))
    words += [f"-H {_header(name, value)}" for name, value in request.headers]
    if request.body is not None:
        text = body(request.body)
        if text is None:
            escaped = "".join(f"\\x{byte:02x}" for byte in request.body[:4000])
            return f"printf '{escaped}' | {' '.join(words)} --data-binary @-"
        words.append(f"--data-binary {_single(text)}")
    return " ".join(words)


def masked(headers: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [[name, header(name, value)] for name, value in headers]


def _header(name: str, value: str) -> str:
    if name.lower() in _HEADERS:
        # double quotes: the shell puts the secret in
        return f'"{name}: {header(name, value)}"'
    return _single(f"{name}: {unsigned(value)}")


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
