"""Between WSGI, which a suite speaks, and the requests that the port is sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import httpx

_SAFE = "/:@!$&'()*+,;=~-._"


def request_of(environ: dict[str, Any]) -> httpx.Request:
    """The request of a WSGI environment, header by header."""
    # what lies below the mount point, as Flask's own router sees it
    path = environ.get("PATH_INFO", "")
    target = quote(path.encode("latin-1"), safe=_SAFE) or "/"
    if query := environ.get("QUERY_STRING"):
        target = f"{target}?{quote(query.encode('latin-1'), safe=_SAFE + '%?/')}"
    headers = [
        (name[5:].replace("_", "-").lower().encode(), str(value).encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    headers.extend(
        (name.replace("_", "-").lower().encode(), str(environ[name]).encode("latin-1"))
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if environ.get(name)
    )
    return httpx.Request(
        environ["REQUEST_METHOD"],
        httpx.URL(
            scheme=environ.get("wsgi.url_scheme", "http"),
            netloc=_host(environ).encode(),
            raw_path=target.encode(),
        ),
        headers=headers,
        stream=httpx.ByteStream(_body(environ)),
    )


def mounted(header: tuple[str, str], environ: dict[str, Any]) -> tuple[str, str]:
    """A redirect to the port's own address leads below the mount point that the port knows nothing of."""
    script = environ.get("SCRIPT_NAME", "").rstrip("/")
    name, value = header
    if name != "Location" or not script:
        return header
    parts = urlsplit(value)
    if parts.netloc not in ("", _host(environ)) or not parts.path.startswith("/"):
        return header
    return name, parts._replace(path=script + parts.path).geturl()


def _host(environ: dict[str, Any]) -> str:
    return str(environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "localhost"))


def _body(environ: dict[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return bytes(stream.read())
    length = environ.get("CONTENT_LENGTH")
    return bytes(stream.read(int(length))) if length else b""
