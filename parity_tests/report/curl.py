"""A request as a command to paste: secrets are shell variables and placeholders."""

from __future__ import annotations

import re
import shlex

from parity_core.capture.secrets import is_secret
from parity_core.model import Request
from parity_tests.report.masking import binary, body, header, target


def curl(request: Request, origin: str) -> str:
    """The request as a command to paste; secrets are shell variables and `<placeholders>`."""
    words = ["curl -i"]
    if request.method == "HEAD":
        words.append("--head")
    elif request.method != "GET" or request.body is not None:
        words.append(f"-X {shlex.quote(request.method)}")
    words.append(shlex.quote(origin + target(request)))
    words += [f"-H {_header(name, value)}" for name, value in request.headers]
    if request.body is not None:
        shown = body(request.body)
        if shown is None:
            escaped = "".join(f"\\x{byte:02x}" for byte in binary(request.body)[:4000])
            return f"printf '{escaped}' | {' '.join(words)} --data-binary @-"
        words.append(f"--data-binary {shlex.quote(shown)}")
    return " ".join(words)


_BARE_NAME = re.compile(r"[A-Za-z0-9-]+")


def _header(name: str, value: str) -> str:
    if is_secret(name) and _BARE_NAME.fullmatch(name):
        # double quotes: the shell puts the secret in
        return f'"{name}: {header(name, value)}"'
    return shlex.quote(f"{name}: {header(name, value)}")
