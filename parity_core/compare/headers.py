"""Headers: all are compared, but for those that are listed here with the reason; what counts as equal. Pure."""

import re
from collections.abc import Callable, Collection
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


def _entity_tag(value: str) -> tuple[str, str]:
    """Whether it is one, and how strong: which one is each stack's own, as its files' times are."""
    match = _ETAG.fullmatch(value.strip())
    return ("weak" if match[1] else "strong", "") if match else ("no entity tag", value)


def _date(value: str) -> str:
    """Whether it is a date as HTTP writes it: which one depends on when a stack wrote its file."""
    return "(date)" if _DATE.fullmatch(value.strip()) else value


def _cookies(value: str) -> tuple[str, ...]:
    """Names and attributes; a session's value is its own."""
    cookies = re.split(r",\s*(?=[^;,=\s]+=)", value)
    return tuple(sorted(re.sub(r"=[^;]*", "=…", cookie, count=1) for cookie in cookies))


def _text(value: str) -> str:
    return value.strip()


def _disposition(value: str) -> str:
    """A moment in a file's name is not the same on both sides."""
    return re.sub(r"\d{8}-\d{6}", "(moment)", value.strip())


_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]+"')
_DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")

IGNORED = {
    "date": "the moment of the reply",
    "server": "the name of the server software, which is what is being replaced",
    "connection": "of one connection, not of the reply",
    "keep-alive": "of one connection, not of the reply",
    "transfer-encoding": "how the body was cut for one connection; the body is compared",
    "content-length": "follows from the body, which is compared, and from compression",
}
"""Headers that are not compared, and why. `[[header]]` in the rules adds an application's own."""

EQUAL: dict[str, Callable[[str], object]] = {
    "content-type": _media_type,
    "allow": _methods,
    "cache-control": _words,
    "etag": _entity_tag,
    "last-modified": _date,
    "vary": _words,
    "content-disposition": _disposition,
    "content-encoding": _words,
    "content-language": _words,
    "set-cookie": _cookies,
    "access-control-allow-methods": _methods,
    "access-control-allow-headers": _words,
    "access-control-expose-headers": _words,
}
"""What counts as equal in a header; those that are not here are compared as text."""


def neutral(text: str, origin: str) -> str:
    """Text in which the stack's own address is no difference."""
    host = urlsplit(origin).netloc
    return text.replace(origin, "{origin}").replace(host, "{host}") if host else text


def diff_headers(
    legacy: Exchange, ported: Exchange, ignored: Collection[str] = ()
) -> list[Difference]:
    """`ignored`: names of an application's own headers, beside those that are never compared."""
    differences = []
    both = (*legacy.reply.headers, *ported.reply.headers)
    for name in dict.fromkeys(key.lower() for key, _ in both):
        if name in IGNORED or name in ignored:
            continue
        value = EQUAL.get(name, _text)
        a, b = legacy.reply.header(name), ported.reply.header(name)
        if a == b:
            continue
        values = [
            MISSING if text is None else value(neutral(text, exchange.origin))
            for text, exchange in ((a, legacy), (b, ported))
        ]
        if values[0] != values[1]:
            differences.append(
                Difference(
                    f"header/{name}", MISSING if a is None else a, MISSING if b is None else b
                )
            )
    return differences
