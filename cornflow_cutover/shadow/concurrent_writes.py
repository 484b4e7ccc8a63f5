"""Whether somebody else wrote between the legacy's answer and the port's, whichever replica did it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Table

from legacy_bridge.shadow.contract import ClientExchange
from legacy_bridge.shadow.rows import reads
from legacy_bridge.shadow.rows.recording import Recording
from legacy_bridge.shadow.rows.sandbox import Sandbox

WRITTEN_AT = ("created_at", "updated_at", "deleted_at")
"""The columns by which a row of Cornflow tells when it was written, in UTC."""

_CLOCKS = 1.0
"""Seconds that a writer may have noted before its row could be seen, clocks apart included."""


async def changed_since(
    sandbox: Sandbox, recording: Recording, tables: Mapping[str, Table]
) -> str | None:
    """A row that the legacy went by and that is no longer so: the port met something else then."""
    async with sandbox.open(reading=True) as room:
        return await reads.changed_since(room.connection, recording, tables)


async def written_since(
    sandbox: Sandbox, exchange: ClientExchange, recording: Recording, tables: Mapping[str, Table]
) -> str | None:
    """A table that the legacy read for its answer and that somebody has written since."""
    since = datetime.fromtimestamp(exchange.started - _CLOCKS, UTC).replace(tzinfo=None)
    async with sandbox.open(reading=True) as room:
        return await reads.written_since(room.connection, recording, tables, WRITTEN_AT, since)
