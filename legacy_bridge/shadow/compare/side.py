"""A live pair in the comparison's words, and as an example for an operator."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import JSON

from legacy_bridge.shadow.compare import masking
from legacy_bridge.shadow.contract import Answer, ClientExchange
from legacy_bridge.shadow.rows.follow import key_names
from legacy_bridge.shadow.rows.recording import Mail
from legacy_bridge.shadow.rows.undo import RowImage
from legacy_bridge.stacks.edge import Headers
from parity_core.compare import live
from parity_core.compare.live import Difference, Request, RowChange

_SHOWN = 20
"""Differences that an example tells."""


@dataclass(slots=True)
class PairSide:
    """What one stack answered and did."""

    answer: Answer
    started: float = field(default_factory=time.time)
    images: Sequence[RowImage] = ()
    mails: Sequence[Mail] = ()
    effects: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def is_whole(exchange: ClientExchange) -> bool:
    """False when the client went away before the end of the reply."""
    answer = exchange.answer
    said = _header(answer.headers, b"content-length")
    if said is None or exchange.scope["method"] == "HEAD" or answer.status in (204, 304):
        return True
    return answer.body is not None and said.isdigit() and int(said) == len(answer.body)


def request_of(exchange: ClientExchange) -> Request:
    scope = exchange.scope
    query = scope["query_string"].decode("latin-1")
    path = scope["path"]
    return Request(scope["method"], f"{path}?{query}" if query else path, (), exchange.body)


def origin_of(exchange: ClientExchange) -> str:
    host = _header(exchange.scope["headers"], b"host")
    return f"{exchange.scope.get('scheme', 'http')}://{host or 'localhost'}"


def live_reply(side: PairSide) -> live.LiveReply:
    """Bodies are decoded: which of two ways to compress is no difference."""
    answer = side.answer
    fields = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in answer.headers]
    effects: dict[str, Sequence[Any]] = dict(side.effects)
    if side.mails:
        effects["mail"] = [
            live.mail_effect(mail.sender, mail.receivers, mail.content) for mail in side.mails
        ]
    return live.LiveReply(
        status=answer.status,
        headers=tuple(fields),
        body=decoded(answer),
        started=side.started,
        rows=changes(side.images),
        effects=effects,
    )


def decoded(answer: Answer) -> bytes:
    encoding = _header(answer.headers, b"content-encoding")
    body = answer.body or b""
    if encoding is None or not body:
        return body
    try:
        return httpx.Response(200, headers={"content-encoding": encoding}, content=body).content
    except httpx.DecodingError:
        return body


def changes(images: Iterable[RowImage]) -> list[RowChange]:
    row_changes = []
    for image in images:
        table = image.table
        change = live.row_change(
            table.name,
            key_names(table),
            image.key,
            image.before,
            image.after,
            frozenset(c.name for c in table.columns if isinstance(c.type, JSON)),
        )
        if change is not None:
            row_changes.append(change)
    return sorted(row_changes, key=lambda row: (row.table, str(row.key)))


def example(
    exchange: ClientExchange, differences: Sequence[Difference], legacy: PairSide, ported: PairSide
) -> dict[str, Any]:
    """What an operator sees: the request, both replies side by side, each difference with its place."""
    scope = exchange.scope
    query = masking.query(scope["query_string"])
    return {
        "operation": str(exchange.operation),
        "mode": str(exchange.mode),
        "request_id": exchange.request_id,
        "at": exchange.started,
        "request": {
            "method": scope["method"],
            "target": f"{scope['path']}?{query}" if query else scope["path"],
            "headers": masking.headers(scope["headers"]),
            "body": masking.short(masking.body(exchange.body)),
        },
        "legacy": _shown(legacy),
        "ported": _shown(ported),
        "differences": [_as_row(one) for one in differences[:_SHOWN]],
        "more_differences": max(0, len(differences) - _SHOWN),
    }


def _shown(side: PairSide) -> dict[str, Any]:
    return {
        "status": side.answer.status,
        "headers": masking.headers(side.answer.headers),
        "body": masking.short(masking.body(decoded(side.answer))),
        "rows": [
            {
                "table": row.table,
                "change": str(row.change),
                "key": masking.value(list(row.key)),
                "columns": masking.short(masking.value(row.columns)),
            }
            for row in changes(side.images)[:_SHOWN]
        ],
        "effects": masking.short(masking.value(dict(side.effects))),
        "mails": [
            {"from": mail.sender, "to": mail.receivers, "bytes": len(mail.content)}
            for mail in side.mails
        ],
    }


def _as_row(one: Difference) -> dict[str, Any]:
    return {
        "place": one.place,
        "legacy": masking.short(masking.at(one.place, one.legacy)),
        "ported": masking.short(masking.at(one.place, one.ported)),
        "why": one.why,
    }


def _header(headers: Headers, name: bytes) -> str | None:
    return next((value.decode("latin-1") for n, value in headers if n.lower() == name), None)
