"""One recorded exchange, as a value and as a line of JSON.

A capture file is JSON lines, optionally gzipped: first what it is (`{"capture": 1, …}`), then one
exchange per line, in the order in which they ended.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
PREFIX = "capture-"
SUFFIXES = (".jsonl", ".jsonl.gz")

Headers = tuple[tuple[str, str], ...]


class FormatError(ValueError):
    """A line is no exchange."""


@dataclass(frozen=True, slots=True)
class Body:
    """What was sent: its bytes, or why they are not here, with their length and SHA-256."""

    content: bytes = b""
    encoding: str = ""
    """The Content-Encoding it had on the wire; `content` is decoded."""
    missing: str = ""
    length: int = 0
    sha256: str = ""

    @property
    def is_whole(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request and its reply, without secrets."""

    at: float
    """When the request came, in seconds since the epoch."""
    took: float
    method: str
    target: str
    request_headers: Headers = ()
    request_body: Body = Body()
    status: int | None = None
    """None when it is not known, as in an access log, or when no reply was made."""
    reply_headers: Headers = ()
    reply_body: Body = Body(missing="not recorded")
    user: str | None = None
    """The fingerprint of who asked; None for nobody."""
    scheme: str = ""
    expired: bool = False
    """The token had expired when it was sent."""
    opaque: bool = False
    """Nothing could be read in the token."""
    sender: str = ""
    """The fingerprint of the address it came from."""
    operation: str = ""
    served_by: str = ""
    where: str = field(default="", compare=False)
    """`file:line`, told by the reader."""

    @property
    def ended(self) -> float:
        return self.at + self.took

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


def header_line(**facts: Any) -> str:
    return json.dumps({"capture": VERSION, **facts}) + "\n"


def to_line(one: Recorded) -> str:
    """A recorded exchange as a line of a capture file, without its line end."""
    document: dict[str, Any] = {
        "at": round(one.at, 6),
        "took": round(one.took, 6),
        "method": one.method,
        "target": one.target,
        "operation": one.operation or None,
        "user": one.user,
        "auth": _auth_out(one) if one.scheme else None,
        "from": one.sender or None,
        "served_by": one.served_by or None,
        "request": {"headers": one.request_headers, "body": _body_out(one.request_body)},
        "reply": {
            "status": one.status,
            "headers": one.reply_headers,
            "body": _body_out(one.reply_body),
        },
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n"


def from_line(line: str | bytes, where: str = "") -> Recorded | None:
    """None for the line that says what the file is. Raises FormatError."""
    try:
        document = json.loads(line)
        if "capture" in document:
            if document["capture"] != VERSION:
                raise FormatError(f"{where}: a capture of version {document['capture']}")
            return None
        request, reply, auth = document["request"], document["reply"], document.get("auth") or {}
        return Recorded(
            at=float(document["at"]),
            took=float(document.get("took") or 0.0),
            method=str(document["method"]),
            target=str(document["target"]),
            request_headers=_pairs(request.get("headers")),
            request_body=_body_in(request.get("body")),
            status=reply.get("status"),
            reply_headers=_pairs(reply.get("headers")),
            reply_body=_body_in(reply.get("body")),
            user=document.get("user"),
            scheme=auth.get("scheme", ""),
            expired=bool(auth.get("expired")),
            opaque=bool(auth.get("opaque")),
            sender=document.get("from") or "",
            operation=document.get("operation") or "",
            served_by=document.get("served_by") or "",
            where=where,
        )
    except FormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{where}: no exchange: {error!r}") from None


def _auth_out(one: Recorded) -> dict[str, Any]:
    return {"scheme": one.scheme, "expired": one.expired, "opaque": one.opaque}


def _pairs(items: Iterable[Any] | None) -> Headers:
    return tuple((str(name), str(value)) for name, value in items or ())


def _body_out(body: Body) -> dict[str, Any] | None:
    if body.missing:
        return {"missing": body.missing, "length": body.length, "sha256": body.sha256}
    if not body.content:
        return None
    fields: dict[str, Any] = {"encoding": body.encoding} if body.encoding else {}
    try:
        return {"text": body.content.decode(), **fields}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body.content).decode(), **fields}


def _body_in(stored: dict[str, Any] | None) -> Body:
    if stored is None:
        return Body()
    if "missing" in stored:
        return Body(
            missing=stored["missing"], length=stored["length"], sha256=stored.get("sha256", "")
        )
    encoding = stored.get("encoding", "")
    if "text" in stored:
        return Body(stored["text"].encode(errors="surrogatepass"), encoding)
    return Body(base64.b64decode(stored["base64"]), encoding)
