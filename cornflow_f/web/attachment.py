"""A file as an attachment, conditional and in parts, as the legacy's server sends it (werkzeug, send_file)."""

import asyncio
import os
import re
import unicodedata
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

_RANGE = re.compile(r"\s*bytes\s*=\s*(?P<first>\d*)-(?P<last>\d*)\s*\Z")
_ENTITY = ("content-type", "content-length", "last-modified")
"""Headers that say what the body is: not in a reply without one."""
_NOT_SATISFIABLE = "The server cannot provide the requested range."
_PLAIN_IN_NAMES = "!#$&+-.^_`|~"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")


async def attachment(
    request: Request, path: Path, name: str, media_type: str, headers: Mapping[str, str]
) -> Response:
    """The file, a part of it, or 304. Raises HTTPException (416) for a part that it does not have."""
    facts = await asyncio.to_thread(os.stat, path)
    own = {"Content-Disposition": disposition(name), "Cache-Control": "no-cache", **headers}
    response = FileResponse(path, headers=own, media_type=media_type, stat_result=facts)
    if _unchanged(request.headers, response.headers):
        kept = {k: v for k, v in response.headers.items() if k not in _ENTITY}
        return Response(status_code=304, headers=kept)
    if "range" in request.headers:
        _require_satisfiable(request.headers["range"], facts.st_size)
    return response


def _unchanged(asked: Headers, told: Headers) -> bool:
    tags = asked.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in known or told["etag"] in known
    try:
        since = parsedate_to_datetime(asked["if-modified-since"])
        return since >= parsedate_to_datetime(told["last-modified"])
    except (KeyError, TypeError, ValueError):
        return False


def _require_satisfiable(header: str, size: int) -> None:
    # parity: what is no single range of bytes is refused too, where others ignore it
    found = _RANGE.match(header)
    if found is not None and (found["first"] or found["last"]):
        first = int(found["first"]) if found["first"] else max(size - int(found["last"]), 0)
        last = int(found["last"]) if found["first"] and found["last"] else size
        if first < size and first <= last:
            return
    raise HTTPException(416, _NOT_SATISFIABLE, {"Content-Range": f"bytes */{size}"})


def disposition(name: str) -> str:
    if name.isascii():
        return f"attachment; filename={_quoted(name)}"
    simple = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    encoded = quote(name, safe=_PLAIN_IN_NAMES)
    return f"attachment; filename={_quoted(simple)}; filename*=UTF-8''{encoded}"


def _quoted(text: str) -> str:
    # A client's line break must not end the header.
    text = "".join(character if character.isprintable() else " " for character in text)
    if _TOKEN.match(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
