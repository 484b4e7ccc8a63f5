"""Which headers are compared, and what counts as equal in each. Pure."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from parity_core.model import MISSING, Difference, Exchange


def _words(value: str) -> tuple[str, ...]:
    """A list whose order means nothing, in which names have no case."""
    return tuple(sorted({word.strip().lower() for word in value.split(",") if word.strip()}))


def _methods(value: str) -> tuple[str, ...]:
    return tuple(sorted({word.strip() for word in value.split(",") if word.strip()}))


def _media_type(value: str) -> tuple[str, ...]:
    kind, *parameters = (part.strip() for part in value.split(";"))
    return (kind.lower(), *sorted(_parameter(text) for text in parameters))


def _parameter(text: str) -> str:
    name, _, value = text.partition("=")
    value = value.strip('"')
    return f"{name.lower()}={value.lower() if name.lower() == 'charset' else value}"


def _presence(value: str) -> str:
    return "(present)"


def _cookies(value: str) -> tuple[str, ...]:
    """Names and attributes; a session's value is its own."""
    cookies = re.split(r",\s*(?=[^;,=\s]+=)", value)
    return tuple(sorted(re.sub(r"=[^;]*", "=…", cookie, count=1) for cookie in cookies))


def _text(value: str) -> str:
    return value.strip()


def _disposition(value: str) -> str:
    """A moment in a file's name is not the same on both sides."""
    return re.sub(r"\d{8}-\d{6}", "(moment)", value.strip())


COMPARED: dict[str, Callable[[str], object]] = {
    "content-type": _media_type,
    "allow": _methods,
    "location": _text,
    "cache-control": _words,
    "etag": _presence,
    "last-modified": _presence,
    "vary": _words,
    "content-disposition": _disposition,
    "content-encoding": _words,
    "content-language": _words,
    "www-authenticate": _text,
    "retry-after": _text,
    "accept-ranges": _text,
    "set-cookie": _cookies,
    "access-control-allow-origin": _text,
    "access-control-allow-credentials": _text,
    "access-control-allow-methods": _methods,
    "access-control-allow-headers": _words,
    "access-control-expose-headers": _words,
    "access-control-max-age": _text,
}


def neutral(text: str, origin: str) -> str:
    """Text in which the stack's own address is no difference."""
    host = urlsplit(origin).netloc
    return text.replace(origin, "{origin}").replace(host, "{host}") if host else text


def diff_headers(legacy: Exchange, ported: Exchange) -> list[Difference]:
    differences = []
    for name, value in COMPARED.items():
        a, b = legacy.reply.header(name), ported.reply.header(name)
        if a == b:
            continue
        told = [
            MISSING if text is None else value(neutral(text, exchange.origin))
            for text, exchange in ((a, legacy), (b, ported))
        ]
        if told[0] != told[1]:
            differences.append(
                Difference(
                    f"header/{name}", MISSING if a is None else a, MISSING if b is None else b
                )
            )
    return differences
