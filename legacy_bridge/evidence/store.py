"""Evidence in the shared database: every worker writes its own, every worker reads all."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy import Row as SheetRow
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from legacy_bridge.database.connection import Database
from legacy_bridge.database.tables import EVIDENCE, EXAMPLES, TRAFFIC
from legacy_bridge.evidence.recorder import Batch, Example
from legacy_bridge.evidence.remaining import DayOfTraffic
from legacy_bridge.evidence.tally import Tally, TallyKey
from legacy_bridge.evidence.windows import Row, Span
from legacy_bridge.modes.state import seconds, utc
from legacy_bridge.operations.operation import Stack

KEPT_EXAMPLES = 40
"""Examples kept of one operation."""
_CONTENT = 20_000
"""Characters of one example."""
_TRAFFIC_DAYS = 400

_STACKS = {stack.value: stack for stack in Stack}


class EvidenceStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, batch: Batch) -> None:
        """All of the batch or nothing. Rows are written whole, so writing them again is no harm."""
        async with self._database.begin() as connection:
            insert = postgresql.insert if _is_postgresql(connection) else sqlite.insert
            if batch.rows:
                rows = insert(EVIDENCE)
                await connection.execute(
                    rows.on_conflict_do_update(
                        index_elements=list(EVIDENCE.primary_key.columns),
                        set_={"counts": rows.excluded.counts},
                    ),
                    _sheets(batch.rows),
                )
            if batch.traffic:
                days = insert(TRAFFIC)
                await connection.execute(
                    days.on_conflict_do_update(
                        index_elements=list(TRAFFIC.primary_key.columns),
                        set_={
                            "requests": TRAFFIC.c.requests + days.excluded.requests,
                            "errors": TRAFFIC.c.errors + days.excluded.errors,
                        },
                    ),
                    # In one order everywhere: writers must not wait for each other in a circle.
                    [
                        {
                            "day": where.day,
                            "operation": where.operation,
                            "stack": where.stack.value,
                            "requests": requests,
                            "errors": errors,
                        }
                        for where, (requests, errors) in sorted(batch.traffic.items())
                    ],
                )
            if batch.examples:
                await _write_examples(connection, batch.examples)

    async def read(self, now: float) -> list[Row]:
        """All rows that are kept."""
        return await self._read(or_(*(_since(span, span.oldest(now)) for span in Span)))

    async def read_since(self, buckets: Mapping[Span, int], *, but: str) -> list[Row]:
        """The rows of these buckets and later ones, of all workers but one."""
        since = or_(*(_since(span, bucket) for span, bucket in buckets.items()))
        return await self._read(and_(since, EVIDENCE.c.worker != but))

    async def _read(self, condition: ColumnElement[bool]) -> list[Row]:
        async with self._database.begin() as connection:
            sheets = await connection.execute(select(EVIDENCE).where(condition))
            return [row for sheet in sheets for row in _rows(sheet)]

    async def examples(
        self, operation: str | None = None, *, trial: int | None = None, limit: int = 20
    ) -> list[Example]:
        """The newest first."""
        chosen = select(EXAMPLES).order_by(EXAMPLES.c.id.desc()).limit(limit)
        if operation is not None:
            chosen = chosen.where(EXAMPLES.c.operation == operation)
        if trial is not None:
            chosen = chosen.where(EXAMPLES.c.trial == trial)
        async with self._database.begin() as connection:
            return [
                Example(
                    seconds(row.at), row.operation, row.trial, row.kind, json.loads(row.content)
                )
                for row in await connection.execute(chosen)
            ]

    async def traffic(self, since: str) -> list[DayOfTraffic]:
        """Requests by day, operation and stack, from the day `since` (YYYY-MM-DD) on."""
        chosen = select(TRAFFIC).where(TRAFFIC.c.day >= since)
        async with self._database.begin() as connection:
            return [
                DayOfTraffic(row.day, row.operation, Stack(row.stack), row.requests)
                for row in await connection.execute(chosen)
            ]

    async def prune(self, now: float) -> None:
        """Deletes what no window reaches."""
        old: list[ColumnElement[bool]] = [
            and_(EVIDENCE.c.span == span.value, EVIDENCE.c.bucket < span.oldest(now))
            for span in Span
        ]
        async with self._database.begin() as connection:
            await connection.execute(delete(EVIDENCE).where(or_(*old)))
            oldest_day = utc(now - _TRAFFIC_DAYS * 86400).date().isoformat()
            await connection.execute(delete(TRAFFIC).where(TRAFFIC.c.day < oldest_day))


async def _write_examples(connection: AsyncConnection, examples: Iterable[Example]) -> None:
    examples = list(examples)
    for example in examples:
        content = json.dumps(example.content, default=str)
        if len(content) > _CONTENT:
            content = json.dumps({"cut": content[:_CONTENT]})
        await connection.execute(
            EXAMPLES.insert().values(
                at=_moment(example),
                operation=example.operation,
                trial=example.trial,
                kind=example.kind,
                content=content,
            )
        )
    for operation in sorted({example.operation for example in examples}):
        mine = EXAMPLES.c.operation == operation
        last = (
            select(EXAMPLES.c.id)
            .where(mine)
            .order_by(EXAMPLES.c.id.desc())
            .offset(KEPT_EXAMPLES)
            .limit(1)
            .scalar_subquery()
        )
        await connection.execute(delete(EXAMPLES).where(mine, EXAMPLES.c.id <= last))


def _since(span: Span, bucket: int) -> ColumnElement[bool]:
    return and_(EVIDENCE.c.span == span.value, EVIDENCE.c.bucket >= bucket)


def _moment(example: Example) -> datetime:
    return utc(example.at)


def _sheets(rows: Iterable[Row]) -> list[dict[str, object]]:
    """One row of the table for each bucket: few writes, whatever the number of operations."""
    grouped: dict[tuple[Span, int, str], list[object]] = {}
    for span, bucket, worker, key, tally in rows:
        counts = [key.operation, key.trial, key.stack.value, tally.as_json()]
        grouped.setdefault((span, bucket, worker), []).append(counts)
    return [
        {
            "span": span.value,
            "bucket": bucket,
            "worker": worker,
            "counts": json.dumps(counts, separators=(",", ":")),
        }
        for (span, bucket, worker), counts in grouped.items()
    ]


def _rows(sheet: SheetRow[Any]) -> Iterator[Row]:
    span = Span(sheet.span)
    for operation, trial, stack, counts in json.loads(sheet.counts):
        key = TallyKey(operation, trial, _STACKS[stack])
        yield Row(span, sheet.bucket, sheet.worker, key, Tally.from_json(counts))


def _is_postgresql(connection: AsyncConnection) -> bool:
    return connection.dialect.name == "postgresql"
