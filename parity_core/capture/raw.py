"""An exchange as it was seen, and what may be written of it: without secrets, decoded, bounded."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from parity_core.capture.fingerprint import FingerprintedCaller
from parity_core.capture.mask import TOO_COSTLY, Masker, Masking, TooCostly
from parity_core.capture.record import Body, Headers, Recorded


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
    """What may be written of an exchange. Bodies that are longer than `limit` decoded are left out.

    Of an exchange that is too costly to mask nothing is kept that a client has written.
    """
    caller: FingerprintedCaller | None = None
    secrets: set[str] = set()
    for name, value in raw.request_headers:
        if name.lower() == "authorization":
            caller = masker.key.caller(value, raw.at)
            secrets.update(caller.secrets)
    try:
        return _masked(raw, masker, limit, caller, secrets)
    except (TooCostly, RecursionError):
        return _left_out(raw, masker, caller)


def _masked(
    raw: Raw, masker: Masker, limit: int, caller: FingerprintedCaller | None, secrets: Iterable[str]
) -> Recorded:
    masking = masker.one()
    for secret in secrets:
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
        **_origin(raw, masker, caller),
    )


def _left_out(raw: Raw, masker: Masker, caller: FingerprintedCaller | None) -> Recorded:
    return Recorded(
        at=raw.at,
        took=raw.took,
        method=raw.method,
        target="/",
        request_body=_costly(raw.request_body),
        status=raw.status,
        reply_body=_costly(raw.reply_body),
        **_origin(raw, masker, caller),
    )


def _costly(body: Body) -> Body:
    return Body(missing=TOO_COSTLY, length=len(body.content) or body.length)


def _origin(raw: Raw, masker: Masker, caller: FingerprintedCaller | None) -> dict[str, Any]:
    return {
        "user": caller.user if caller else None,
        "scheme": caller.scheme if caller else "",
        "expired": caller.expired if caller else False,
        "opaque": caller.opaque if caller else False,
        "sender": masker.key.address(raw.address) if raw.address else "",
        "operation": raw.operation,
        "served_by": raw.served_by,
    }


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

    decoder = brotli.Decompressor()
    # bounded output: a few bytes may stand for a great many
    plain: bytes = decoder.process(content, output_buffer_limit=limit + 1)
    while not decoder.is_finished() and len(plain) <= limit:
        more = decoder.process(b"", output_buffer_limit=limit + 1 - len(plain))
        if not more:
            return None
        plain += more
    return plain if len(plain) <= limit else None


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
