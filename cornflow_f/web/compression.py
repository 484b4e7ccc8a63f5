"""Compressed replies, on the routes where the legacy compresses (``shared/compress.py``).

Brotli, gzip or deflate by the client's preference, bodies of 500 bytes and more, and `Vary` on every
reply of such a route. Large bodies are compressed off the event loop.
"""

import asyncio
import zlib
from collections.abc import Callable

import brotli
from isal import igzip
from starlette.requests import Request
from starlette.responses import Response

from cornflow_f.web.json_replies import PiecesResponse

MINIMUM_BYTES = 500
_COMPRESSIBLE = frozenset(
    ("text/html", "text/css", "text/xml", "application/json", "application/javascript")
)
_SMALL_BYTES = 64 * 1024
"""Below this, a thread costs more than compressing."""


def _gzip(body: bytes) -> bytes:
    # Intel's library: as small as zlib's level 4, in a quarter of the time.
    return bytes(igzip.compress(body, 2, mtime=0))


def _brotli(body: bytes) -> bytes:
    return bytes(brotli.compress(body, quality=4))


_ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {
    "br": _brotli,
    "gzip": _gzip,
    "deflate": zlib.compress,
}


def choose_algorithm(accept_encoding: str) -> str | None:
    """The algorithm the client likes most, `identity` included; of equals br, then gzip, then deflate."""
    liked: dict[float, set[str]] = {}
    anything = False
    for part in accept_encoding.lower().split(","):
        # parity: a blank before `q` hides the coding (Flask-Compress)
        name, _, weight = part.strip().partition(";q=")
        quality = _quality(weight)
        # parity: q=0 is only the least wanted, not refused (Flask-Compress)
        if name == "*":
            anything = anything or quality > 0
        elif name.strip() == "identity" or name.strip() in _ALGORITHMS:
            liked.setdefault(quality, set()).add(name.strip())
    if liked:
        best = liked[max(liked)]
        return next((name for name in _ALGORITHMS if name in best), None)
    return next(iter(_ALGORITHMS)) if anything else None


def _quality(weight: str) -> float:
    try:
        return float(weight.strip()) if weight else 1.0
    except ValueError:
        return 1.0


async def compressed(request: Request, response: Response) -> Response:
    response.headers.append("Vary", "Accept-Encoding")
    algorithm = choose_algorithm(request.headers.get("accept-encoding", ""))
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if (
        algorithm is None
        or media_type not in _COMPRESSIBLE
        or not 200 <= response.status_code < 300
        or "content-encoding" in response.headers
    ):
        return response
    body = response.whole if isinstance(response, PiecesResponse) else bytes(response.body)
    if len(body) < MINIMUM_BYTES:
        return response
    compress = _ALGORITHMS[algorithm]
    small = len(body) <= _SMALL_BYTES
    packed = compress(body) if small else await asyncio.to_thread(compress, body)
    if isinstance(response, PiecesResponse):
        response.pieces = [packed]
    else:
        response.body = packed
    response.headers["Content-Encoding"] = algorithm
    response.headers["Content-Length"] = str(len(packed))
    return response
