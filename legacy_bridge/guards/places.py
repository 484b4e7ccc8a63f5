"""Where a guard finds a value in a request. Pure."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self
from urllib.parse import parse_qsl

from legacy_bridge.stacks.edge import Headers
from parity_core.files.sentence import nearest

_GZIP = b"\x1f\x8b"
_HEADER = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+")


class PlaceKind(StrEnum):
    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    BODY = "body"
    IDENTITY = "identity"


class PlaceError(ValueError):
    """The text names no place in a request."""


class BodyUnreadableError(Exception):
    """What the body says can't be known, and another reader may read it: the request must not pass."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Place:
    kind: PlaceKind
    name: str = ""
    """Of the parameter or header (small letters), or the JSON pointer."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`path idx`, `query limit`, `header x-role`, `body /items/0/id`, `identity`."""
        word, _, name = text.strip().partition(" ")
        name = name.strip()
        try:
            kind = PlaceKind(word)
        except ValueError:
            raise PlaceError(f"can not begin with {word!r}{nearest(word, PlaceKind)}") from None
        if kind is PlaceKind.IDENTITY:
            if name:
                raise PlaceError("is `identity` alone")
        elif not name:
            raise PlaceError(f"is `{kind}` and a name")
        elif kind is PlaceKind.BODY and not name.startswith("/"):
            raise PlaceError(f"is `body` and a JSON pointer, as in `body /{name}`")
        elif kind is PlaceKind.HEADER:
            name = name.lower()
            if not _HEADER.fullmatch(name):
                raise PlaceError("is no name of a header")
        return cls(kind, name)


def of_query(query: bytes, name: str) -> list[str]:
    """Every value of a parameter: which of them an application takes is its own affair."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return [value for key, value in pairs if key == name]


def of_headers(headers: Headers, name: str) -> list[str]:
    wanted = name.encode()
    return [value.decode("latin-1").strip() for key, value in headers if key == wanted]


def of_body(document: Any, pointer: str) -> list[str]:
    """The scalar that a JSON pointer (RFC 6901) names, as text; none when there is none, or null."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isascii() and key.isdigit():
            if int(key) >= len(document):
                return []
            document = document[int(key)]
        else:
            return []
    if isinstance(document, bool):
        return ["true" if document else "false"]
    return [str(document)] if isinstance(document, str | int | float) else []


def document_of(body: bytes, limit: int) -> Any:
    """What a body says as JSON, inflated when it is gzip; None when it is no JSON.

    Headers are not asked: a body can't be both, and so nobody gets past by claiming the other.
    Raises BodyUnreadableError.
    """
    if body.startswith(_GZIP):
        body = _inflated(body, limit)
    try:
        return json.loads(body)
    except RecursionError:
        raise BodyUnreadableError(400, "the request's body is nested too deeply") from None
    except ValueError:
        # no JSON, or a number of too many digits: an application that is Python's refuses both
        return None


def _inflated(body: bytes, limit: int) -> bytes:
    try:
        data = gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit + 1)
    except (OSError, EOFError, zlib.error):
        raise BodyUnreadableError(400, "the request's body is no whole gzip") from None
    if len(data) > limit:
        raise BodyUnreadableError(413, f"the request's body is larger than {limit} bytes inflated")
    return data
