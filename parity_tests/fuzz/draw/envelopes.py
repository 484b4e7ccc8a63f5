"""Headers of requests that decide what a reply looks like: conditions, parts, codings, origins. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from parity_tests.fuzz.draw.draft import HeaderValue, Ref, Wish
from parity_tests.fuzz.draw.variants import TAG

Headers = Mapping[str, HeaderValue]

_TAG = Ref(TAG, Wish.LATEST)
CODINGS: tuple[Headers, ...] = tuple(
    {"Accept-Encoding": one}
    for one in (
        "gzip", "br", "deflate", "identity", "*", "", "GZIP", "x-gzip", "gzip, deflate, br", "br;q=0.1, gzip;q=0.9",
        "br;q=0.2, gzip;q=0.2, deflate;q=0.5", "gzip;q=0", "br;q=0, *", "*;q=0", "identity;q=0", "identity, gzip;q=0.5",
        "gzip;q=1.5, br;q=-1", "gzip; q=0.5, br; q=0.4", "gzip;q=abc", "zstd", "zstd, gzip;q=0.1", "unknown, *;q=0.1",
        "gzip,,br", " gzip ", "gzip;q=0.001, br;q=0.002", "gzip;q=1;x=2, br",
    )
)  # fmt: skip
CONDITIONS: tuple[Headers, ...] = (
    {"If-None-Match": "*"},
    {"If-None-Match": _TAG},
    {"If-None-Match": ("W/", _TAG)},
    {"If-None-Match": ('"x", ', _TAG)},
    {"If-None-Match": '"x"'},
    {"If-None-Match": "x"},
    {"If-None-Match": ""},
    {"If-Match": "*"},
    {"If-Match": '"x"'},
    {"If-Match": _TAG},
    {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
    {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
    {"If-Modified-Since": "yesterday"},
    {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
    {"If-None-Match": '"x"', "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
    {"If-None-Match": "*", "Range": "bytes=0-1"},
)
PARTS: tuple[Headers, ...] = (
    *({"Range": one} for one in (
        "bytes=0-3", "bytes=0-", "bytes=-1", "bytes=-0", "bytes=5-2", "bytes=0-0,2-3", "bytes=99999-", "bytes=0-99999",
        "chars=0-1", "bytes 0-1", "bytes=", "bytes=-", "bytes=a-b", "BYTES=0-1", "bytes=0-1 ", "bytes=+1-2", "bytes=٠-٣",
    )),
    {"Range": "bytes=0-3", "If-Range": _TAG},
    {"Range": "bytes=0-3", "If-Range": '"x"'},
    {"Range": "bytes=0-3", "If-Range": "Sat, 01 Jan 2000 00:00:00 GMT"},
)  # fmt: skip
ORIGINS: tuple[Headers, ...] = tuple(
    {"Origin": one}
    for one in (
        "http://a.example", "HTTP://A.EXAMPLE", "http://a.example:80", "http://a.example/", "https://a.example",
        "http://a.example.b.example", "http://x.a.example", "http://X.A.Example", "http://xa.example", "null", "",
        "http://a.example, http://b.example", "*", "http://é.example",
    )
)  # fmt: skip
PREFLIGHTS: tuple[Headers, ...] = tuple(
    {"Origin": "http://a.example", "Access-Control-Request-Method": method, **more}
    for method, more in (
        ("GET", {}),
        ("get", {}),
        ("DELETE", {"Access-Control-Request-Headers": "X-B, x-a,authorization"}),
        ("TRACE", {}),
        ("PUT", {"Access-Control-Request-Headers": ""}),
    )
)  # fmt: skip
OTHERS: tuple[Headers, ...] = (
    {"Accept": "text/html"},
    {"Accept": "application/xml;q=1, */*;q=0.1"},
    {"Accept": "image/png"},
    {"Accept-Language": "es"},
    {"Cache-Control": "no-cache"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Host": "b.example"},
    {"Cookie": "a=b; session=x"},
    {"Content-Type": "application/xml"},
)
