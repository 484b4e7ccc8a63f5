"""A pair as bytes, for the process that compares. Tables travel by name: both processes have them."""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Table

from legacy_bridge.shadow.contract import ClientExchange
from legacy_bridge.shadow.rows.recording import Recording, Touch

_KEPT = frozenset(
    [
        "type",
        "asgi",
        "http_version",
        "method",
        "scheme",
        "path",
        "raw_path",
        "query_string",
        "root_path",
        "headers",
        "client",
        "server",
    ]
)
"""Of a scope: what a request is, and nothing that a stack or a server has put beside it."""


def pack(number: int, exchange: ClientExchange, recording: Recording) -> bytes:
    scope = {name: value for name, value in exchange.scope.items() if name in _KEPT}
    touches = [
        (touch.table.name, touch.key, touch.did, dict(touch.before), dict(touch.written))
        for touch in recording.touches
    ]
    rest = (
        recording.problems,
        recording.calls,
        recording.mails,
        recording.mail_failed,
        recording.reads,
        recording.tables_read,
    )
    return pickle.dumps((number, replace(exchange, scope=scope), touches, rest))


def unpack(packed: bytes, tables: Mapping[str, Table]) -> tuple[int, ClientExchange, Recording]:
    number: int
    exchange: ClientExchange
    touches: list[tuple[str, Any, Any, Any, Any]]
    number, exchange, touches, rest = pickle.loads(packed)
    problems, calls, mails, mail_failed, reads, tables_read = rest
    recording = Recording(
        problems=problems,
        calls=calls,
        mails=mails,
        mail_failed=mail_failed,
        reads=reads,
        tables_read=tables_read,
        watching=False,
    )
    for name, key, did, before, written in touches:
        table = tables.get(name)
        if table is None:
            recording.problems.append(f"the table {name} is not known")
        else:
            recording.touches.append(Touch(table, key, did, before, written))
    return number, exchange, recording
