"""Recorded by others: what a browser saves (HAR), and the access logs of gunicorn, nginx and Apache."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from parity_core.capture.raw import Raw
from parity_core.capture.record import Body
from parity_core.model import ParityError

_NOT_TOLD = Body(missing="not recorded")
_LOG_LINE = re.compile(
    r'^(?P<host>\S+) \S+ (?P<user>.+?) \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" '
    r'(?P<status>\d{3}|-) (?P<size>\d+|-)(?: "(?P<referer>(?:[^"\\]|\\.)*)" '
    r'"(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})|\\(.)")


def har(path: Path, origin: str | None, left_out: Counter[str]) -> Iterator[Raw]:
    """The exchanges of a HAR file, of one origin or of the one that has most of them."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))["log"]["entries"]
        read = [_entry(entry) for entry in entries]
    except OSError as error:
        raise ParityError(f"{path} can not be read: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParityError(f"{path} is no HAR file: {error!r}") from None
    origins = Counter(one[0] for one in read)
    chosen = origin.rstrip("/") if origin else next((o for o, _ in origins.most_common(1)), "")
    for other, count in origins.items():
        if other != chosen:
            left_out[f"of {other}"] += count
    wanted = [raw for theirs, raw in read if theirs == chosen]
    yield from sorted(wanted, key=lambda raw: raw.at + raw.took)


def _entry(entry: dict[str, Any]) -> tuple[str, Raw]:
    request, reply = entry["request"], entry["response"]
    url = urlsplit(request["url"])
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    return f"{url.scheme}://{url.netloc}", Raw(
        at=datetime.fromisoformat(entry["startedDateTime"]).timestamp(),
        took=max(0.0, float(entry.get("time") or 0.0)) / 1000,
        method=request["method"].upper(),
        target=target,
        request_headers=_headers(request),
        request_body=_sent(request.get("postData")),
        # a browser writes 0 for a request that got no reply
        status=reply.get("status") or None,
        reply_headers=_headers(reply),
        reply_body=_got(reply.get("content") or {}),
    )


def _headers(message: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Without HTTP/2's own, and without those of an encoding that a HAR file has undone."""
    fields = ((str(one["name"]), str(one["value"])) for one in message.get("headers") or ())
    undone = ("content-encoding", "content-length", "transfer-encoding")
    return tuple((n, v) for n, v in fields if not n.startswith(":") and n.lower() not in undone)


def _sent(data: dict[str, Any] | None) -> Body:
    if not data:
        return Body()
    if data.get("text"):
        return _content(data)
    pairs = [(one["name"], one.get("value", "")) for one in data.get("params") or ()]
    if any("fileName" in one for one in data.get("params") or ()):
        return Body(missing="a file that the browser did not save")
    return Body(urlencode(pairs).encode())


def _got(content: dict[str, Any]) -> Body:
    return _content(content) if content.get("text") is not None else _NOT_TOLD


def _content(data: dict[str, Any]) -> Body:
    if data.get("encoding") == "base64":
        try:
            return Body(base64.b64decode(data["text"]))
        except binascii.Error:
            return _NOT_TOLD
    return Body(str(data["text"]).encode(errors="surrogatepass"))


def access_log(path: Path, left_out: Counter[str]) -> Iterator[Raw]:
    """The GET and HEAD requests of a log in the common or combined format; gzipped logs too."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                raw = _logged(line.decode(errors="replace").rstrip("\r\n"), left_out)
                if raw is not None:
                    yield raw
    except (OSError, EOFError) as error:
        raise ParityError(f"{path} can not be read: {error}") from None


def _logged(line: str, left_out: Counter[str]) -> Raw | None:
    match = _LOG_LINE.match(line)
    request = _unescaped(match["request"]).split(" ") if match else []
    if match is None or len(request) not in (2, 3):
        left_out["not in the common or combined format"] += 1
        return None
    method, target = request[0], request[1]
    if method not in ("GET", "HEAD"):
        left_out[f"{method}: its body is not in a log"] += 1
        return None
    if "://" in target:
        url = urlsplit(target)
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    try:
        at = datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except ValueError:
        left_out["its time is not readable"] += 1
        return None
    headers = []
    if match["agent"] and match["agent"] != "-":
        headers.append(("user-agent", _unescaped(match["agent"])))
    if match["user"] != "-":
        # who asked, as HTTP Basic told the server; the password is not in a log
        name = base64.b64encode(f"{match['user']}:".encode()).decode()
        headers.append(("authorization", f"Basic {name}"))
    status = None if match["status"] == "-" else int(match["status"])
    return Raw(
        at=at, took=0.0, method=method, target=target, request_headers=tuple(headers),
        request_body=Body(), status=status, reply_headers=(), reply_body=_NOT_TOLD,
        address=match["host"],
    )  # fmt: skip


def _unescaped(text: str) -> str:
    """nginx writes `\\x22` for a quote, Apache and gunicorn `\\"`."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], text)
