"""One recorded exchange, as a value and as a line of JSON.

A capture file is JSON lines, optionally gzipped: first what it is (`{"capture": 1, …}`), then one
exchange per line, in the order in which they ended.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from capture_format.fingerprint import Caller
from capture_format.mask import Masker, Masking

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


def _pairs(found: Iterable[Any] | None) -> Headers:
    return tuple((str(name), str(value)) for name, value in found or ())


def _body_out(body: Body) -> dict[str, Any] | None:
    if body.missing:
        return {"missing": body.missing, "length": body.length, "sha256": body.sha256}
    if not body.content:
        return None
    told: dict[str, Any] = {"encoding": body.encoding} if body.encoding else {}
    try:
        return {"text": body.content.decode(), **told}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body.content).decode(), **told}


def _body_in(found: dict[str, Any] | None) -> Body:
    if found is None:
        return Body()
    if "missing" in found:
        return Body(
            missing=found["missing"], length=found["length"], sha256=found.get("sha256", "")
        )
    encoding = found.get("encoding", "")
    if "text" in found:
        return Body(found["text"].encode(errors="surrogatepass"), encoding)
    return Body(base64.b64decode(found["base64"]), encoding)


@dataclass(frozen=True, slots=True)
class Raw:
    """An exchange as it was seen, secrets and all: it lives in memory only."""

    at: float
    took: float
    method: str
    target: str
    request_headers: Headers
    request_body: Body
    status: int | None
    reply_headers: Headers
    reply_body: Body
    address: str = ""
    operation: str = ""
    served_by: str = ""


def without_secrets(raw: Raw, masker: Masker, limit: int) -> Recorded:
    """What may be written of an exchange. Bodies that are longer than `limit` decoded are left out."""
    masking = masker.one()
    caller: Caller | None = None
    for name, value in raw.request_headers:
        if name.lower() == "authorization":
            caller = masker.key.caller(value, raw.at)
            for secret in caller.secrets:
                masking.remember(secret)
    # all are masked before any is scrubbed: a secret of one place may lie bare in another
    target = masking.target(raw.target)
    asked = masking.headers(raw.request_headers)
    sent = _masked_body(raw.request_body, raw.request_headers, masking, limit)
    answered = masking.headers(raw.reply_headers)
    got = _masked_body(raw.reply_body, raw.reply_headers, masking, limit)
    return Recorded(
        at=raw.at,
        took=raw.took,
        method=raw.method,
        target=masking.scrub(target),
        request_headers=_scrubbed(asked, masking),
        request_body=_scrubbed_body(sent, masking),
        status=raw.status,
        reply_headers=_scrubbed(answered, masking),
        reply_body=_scrubbed_body(got, masking),
        user=caller.user if caller else None,
        scheme=caller.scheme if caller else "",
        expired=caller.expired if caller else False,
        opaque=caller.opaque if caller else False,
        sender=masker.key.address(raw.address) if raw.address else "",
        operation=raw.operation,
        served_by=raw.served_by,
    )


def _scrubbed(headers: list[list[str]], masking: Masking) -> Headers:
    return tuple((name, masking.scrub(value)) for name, value in headers)


def _scrubbed_body(body: Body, masking: Masking) -> Body:
    if not body.content:
        return body
    try:
        text = masking.scrub(body.content.decode(errors="surrogatepass"))
        content = text.encode(errors="surrogatepass")
    except UnicodeDecodeError:
        content = masking.scrub(body.content.decode("latin-1")).encode("latin-1", "replace")
    return body if content == body.content else Body(content, body.encoding)


def _masked_body(body: Body, headers: Headers, masking: Masking, limit: int) -> Body:
    if body.missing or not body.content:
        return body
    encoding = ", ".join(v for n, v in headers if n.lower() == "content-encoding").strip().lower()
    content = decoded(body.content, encoding, limit) if encoding else body.content
    if content is None:
        why = f"longer than {limit} bytes or not readable as {encoding}"
        digest = hashlib.sha256(body.content).hexdigest()
        return Body(missing=why, length=len(body.content), sha256=digest)
    masked = masking.body(content)
    raw = masked.encode(errors="surrogatepass") if isinstance(masked, str) else masked
    return Body(raw, encoding if encoding != "identity" else "")


def decoded(content: bytes, encoding: str, limit: int) -> bytes | None:
    """None when it can't be decoded, or not into `limit` bytes."""
    try:
        if encoding == "identity":
            return content
        if encoding in ("gzip", "x-gzip", "deflate"):
            return _inflated(content, encoding, limit)
        if encoding == "br":
            return _unbrotlied(content, limit)
    except Exception:  # zlib.error, brotli.error, a missing package: all the same to a record
        return None
    return None


def _inflated(content: bytes, encoding: str, limit: int) -> bytes | None:
    if encoding == "deflate":
        try:
            return _bounded(zlib.decompressobj(), content, limit)
        except zlib.error:
            return _bounded(zlib.decompressobj(-zlib.MAX_WBITS), content, limit)
    return _bounded(zlib.decompressobj(zlib.MAX_WBITS | 16), content, limit)


def _bounded(inflater: Any, content: bytes, limit: int) -> bytes | None:
    plain: bytes = inflater.decompress(content, limit)
    return plain if inflater.eof else None


def _unbrotlied(content: bytes, limit: int) -> bytes | None:
    import brotli

    decoder, plain = brotli.Decompressor(), bytearray()
    # by small pieces: a few bytes may stand for a great many
    for start in range(0, len(content), 256):
        plain += decoder.process(content[start : start + 256])
        if len(plain) > limit:
            return None
    return bytes(plain)


def encoded(content: bytes, encoding: str) -> bytes:
    """As it was on the wire. Raises ValueError for an encoding that is not known here."""
    if encoding in ("gzip", "x-gzip"):
        return gzip.compress(content, mtime=0)
    if encoding == "deflate":
        return zlib.compress(content)
    if encoding == "br":
        import brotli

        return bytes(brotli.compress(content))
    raise ValueError(f"Content-Encoding {encoding} can not be made here")
