"""A file as an attachment, conditional and in parts, as the legacy's server sends it (werkzeug, send_file)."""

import asyncio
import os
import re
import unicodedata
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from cornflow_f.web.conditional import ConditionalDecision, ConditionalFate, decide

_ENTITY = ("content-type", "content-length", "last-modified")
"""Headers that say what the body is: not in a reply without one."""
_RANGES = (b"range", b"if-range")
_NOT_SATISFIABLE = "The server cannot provide the requested range."
_PLAIN_IN_NAMES = "!#$&+-.^_`|~"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z")


class _DecidedFile(FileResponse):
    """A file of which was decided already what is sent: it is not asked once more."""

    decision: ConditionalDecision

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header for header in scope["headers"] if header[0] not in _RANGES]
        if self.decision.fate is ConditionalFate.PART:
            part = f"bytes={self.decision.start}-{self.decision.stop - 1}"
            headers.append((b"range", part.encode()))
        await super().__call__({**scope, "headers": headers}, receive, send)


async def attachment(
    request: Request, path: Path, name: str, media_type: str, headers: Mapping[str, str]
) -> Response:
    """The file, a part of it, or 304. Raises HTTPException (416) for a part that it does not have."""
    facts = await asyncio.to_thread(os.stat, path)
    tag = _entity_tag(path, facts)
    modified = datetime.fromtimestamp(int(facts.st_mtime), UTC)
    decision = decide(request.headers, tag, modified, facts.st_size)
    if decision.fate is ConditionalFate.NOT_SATISFIABLE:
        whole = {"Content-Range": f"bytes */{facts.st_size}"}
        raise HTTPException(416, _NOT_SATISFIABLE, headers=whole)
    response = _DecidedFile(
        path,
        # parity: the file comes along when a condition has failed
        412 if decision.fate is ConditionalFate.PRECONDITION_FAILED else 200,
        headers={
            "Content-Disposition": disposition(name),
            "Cache-Control": "no-cache",
            "ETag": f'"{tag}"',
            **headers,
        },
        media_type=media_type,
        stat_result=facts,
    )
    response.decision = decision
    if decision.fate is ConditionalFate.UNCHANGED:
        kept = {k: v for k, v in response.headers.items() if k not in _ENTITY}
        return Response(status_code=304, headers=kept)
    return response


def _entity_tag(path: Path, facts: os.stat_result) -> str:
    # parity: the legacy's own, so that what a client got from one stack it need not get from the other
    check = zlib.adler32(str(path.absolute()).encode()) & 0xFFFFFFFF
    return f"{facts.st_mtime}-{facts.st_size}-{check}"


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
