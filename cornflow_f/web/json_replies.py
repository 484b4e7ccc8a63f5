"""JSON that travels as text: stored without being encoded twice, served without being decoded.

A reply with a stored column of tens of MB costs a copy, not a parse: select the column with
`as_text`, and give the text to `raw_json_reply`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cornflow_f.database.json_text import JsonBytes, JsonText

_LARGE_BYTES = 64 * 1024
"""From here on, a write of its own costs less than a copy."""


def raw_json_reply(values: Mapping[str, Any], status: int = 200) -> Response:
    """An object as a reply; values that are `JsonText` are spliced in."""
    return _reply(_object(values), status)


def raw_json_list_reply(objects: Iterable[Mapping[str, Any]]) -> Response:
    """A list of such objects as a reply."""
    parts: list[str | bytes] = ["["]
    for values in objects:
        parts += "," if len(parts) > 1 else "", *_object(values)
    parts.append("]")
    return _reply(parts)


class PiecesResponse(Response):
    """A body that is sent piece by piece: megabytes are not copied to be put together."""

    def __init__(self, pieces: Sequence[bytes], status: int) -> None:
        super().__init__(b"", status, media_type="application/json")
        self.pieces = pieces
        self.headers["Content-Length"] = str(sum(map(len, pieces)))

    @property
    def whole(self) -> bytes:
        return b"".join(self.pieces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        last = len(self.pieces) - 1
        for number, piece in enumerate(self.pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": number < last})


def _reply(parts: Sequence[str | bytes], status: int = 200) -> Response:
    pieces: list[bytes] = []
    text: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        elif len(part) < _LARGE_BYTES:
            text.append(part.decode())
        else:
            pieces += "".join(text).encode(), part
            text = []
    rest = "".join(text).encode()
    if not pieces:
        return Response(rest, status, media_type="application/json")
    return PiecesResponse([*pieces, rest], status)


def _object(values: Mapping[str, Any]) -> list[str | bytes]:
    """In pieces: a large text is copied once, when all of them are joined."""
    parts: list[str | bytes] = ["{"]
    for name, value in values.items():
        parts += "," if len(parts) > 1 else "", json.dumps(name), ":", _shown(value)
    parts.append("}")
    return parts


def _shown(value: Any) -> str | bytes:
    if isinstance(value, JsonBytes):
        return value.data
    if isinstance(value, JsonText):
        return value.text
    return json.dumps(value.isoformat() if isinstance(value, datetime) else value)
