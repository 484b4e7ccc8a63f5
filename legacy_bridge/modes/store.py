"""Where the modes are kept: tables of the bridge's own in the shared database.

`bridge_mode` has a row for each operation that was ever changed, `bridge_state` one for each group, ramp,
budget, hold and for the kill switch; `bridge_history` and `bridge_audit` say who changed what, when and
why; `bridge_revision` is one counter that every change raises, so that looking for news costs one query.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from legacy_bridge.database.connection import Database, StoreError
from legacy_bridge.database.tables import AUDIT, BREACHES, HISTORY, MODES, REVISION, STATE
from legacy_bridge.modes.state import (
    Note,
    NoteKind,
    RecordedChange,
    Stored,
    StoredMode,
    seconds,
    shown,
    utc,
)

__all__ = ["Breach", "ModeStore", "RecordedChange", "StoreError", "Stored", "StoredMode", "Writes"]


@dataclass(frozen=True, slots=True)
class Breach:
    """Why an operation was rolled back: one row of `bridge_breach`."""

    name: str
    """What was rolled back: the operation or its group."""
    operation: str
    """Whose evidence it was."""
    content: Mapping[str, Any]
    at: float = 0


@dataclass(frozen=True, slots=True)
class Writes:
    """What a change writes, all or nothing."""

    modes: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[tuple[NoteKind, str], Mapping[str, Any] | None] = field(default_factory=dict)
    """None deletes."""
    breaches: Sequence[Breach] = ()

    def __bool__(self) -> bool:
        return bool(self.modes or self.notes or self.breaches)


_KINDS = frozenset(kind.value for kind in NoteKind)

Plan = Callable[[Stored], Writes]
"""What to write, given all that is stored. Runs while no other process can write; may raise."""


class ModeStore:
    """Reads and writes the modes. `url` is a SQLAlchemy address of SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)

    async def create(self) -> None:
        """Creates what is missing. Workers that start together may all call it."""
        await self.database.create()

    async def close(self) -> None:
        await self.database.close()

    async def revision(self) -> int:
        async with self.database.begin() as connection:
            return await _revision(connection)

    async def load(self) -> Stored:
        async with self.database.begin() as connection:
            return await _load(connection)

    async def change(
        self, changes: Mapping[str, str], *, unset: str, who: str, why: str
    ) -> list[RecordedChange]:
        """Sets modes, all or none, and returns what did change.

        ``unset`` is the mode an operation without a row has had so far.
        """
        return await self.apply(lambda _: Writes(modes=changes), unset=unset, who=who, why=why)

    async def apply(self, plan: Plan, *, unset: str, who: str, why: str) -> list[RecordedChange]:
        """Asks the plan what to write and writes it; nothing that others write comes in between."""
        async with self.database.begin() as connection:
            # Raising the counter first takes its lock: writers come one after the other.
            await connection.execute(update(REVISION).values(revision=REVISION.c.revision + 1))
            before = await _load(connection)
            writes = plan(before)
            now, who = utc(time.time()), who[:200]
            changes = [
                *await _write_modes(connection, before, writes, unset, now, who, why),
                *await _write_notes(connection, before, writes, now, who, why),
            ]
            for breach in writes.breaches:
                await connection.execute(
                    insert(BREACHES).values(
                        at=now,
                        name=breach.name,
                        operation=breach.operation,
                        content=json.dumps(breach.content),
                    )
                )
            if not changes and not writes.breaches:
                # Nobody needs to look.
                await connection.rollback()
        return changes

    async def history(self, limit: int = 100) -> list[RecordedChange]:
        """The newest first."""
        async with self.database.begin() as connection:
            modes = await connection.execute(
                select(HISTORY).order_by(HISTORY.c.id.desc()).limit(limit)
            )
            changes = [
                RecordedChange(
                    row.changed_at,
                    row.changed_by,
                    row.operation,
                    row.from_mode,
                    row.to_mode,
                    row.why,
                )
                for row in modes
            ]
            others = await connection.execute(
                select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
            )
            changes += [
                RecordedChange(
                    row.changed_at,
                    row.changed_by,
                    row.name,
                    row.before,
                    row.after,
                    row.why,
                    row.kind,
                )
                for row in others
            ]
        return sorted(changes, key=lambda one: one.changed_at, reverse=True)[:limit]

    async def breaches(self, limit: int = 20, name: str | None = None) -> list[Breach]:
        """The newest first; ``name`` is an operation or a group."""
        chosen = select(BREACHES).order_by(BREACHES.c.id.desc()).limit(limit)
        if name is not None:
            chosen = chosen.where(BREACHES.c.name == name)
        async with self.database.begin() as connection:
            return [
                Breach(row.name, row.operation, json.loads(row.content), seconds(row.at))
                for row in await connection.execute(chosen)
            ]


async def _load(connection: AsyncConnection) -> Stored:
    # The revision first: a change in between makes the next look find one more, never one less.
    revision = await _revision(connection)
    modes = {
        row.operation: StoredMode(row.mode, row.changed_at, row.changed_by, row.why)
        for row in await connection.execute(select(MODES))
    }
    notes: dict[NoteKind, dict[str, Note]] = {}
    for row in await connection.execute(select(STATE)):
        # A newer version may keep more kinds.
        if row.kind in _KINDS:
            notes.setdefault(NoteKind(row.kind), {})[row.name] = Note(
                json.loads(row.value), row.changed_at, row.changed_by, row.why
            )
    return Stored(revision, modes, notes)


async def _revision(connection: AsyncConnection) -> int:
    revision: int | None = await connection.scalar(select(REVISION.c.revision))
    if revision is None:
        raise StoreError(
            "the table bridge_revision is empty: start the bridge once more to fill it"
        )
    return revision


async def _write_modes(
    connection: AsyncConnection,
    before: Stored,
    writes: Writes,
    unset: str,
    now: datetime,
    who: str,
    why: str,
) -> list[RecordedChange]:
    done = []
    for operation, mode in writes.modes.items():
        row = before.modes.get(operation)
        if row is not None and row.mode == mode:
            continue
        values = {"mode": mode, "changed_at": now, "changed_by": who, "why": why}
        if row is None:
            await connection.execute(insert(MODES).values(operation=operation, **values))
        else:
            await connection.execute(
                update(MODES).where(MODES.c.operation == operation).values(values)
            )
        change = RecordedChange(now, who, operation, unset if row is None else row.mode, mode, why)
        done.append(change)
        await connection.execute(
            insert(HISTORY).values(
                changed_at=now,
                changed_by=who,
                operation=operation,
                from_mode=change.from_mode,
                to_mode=mode,
                why=why,
            )
        )
    return done


async def _write_notes(
    connection: AsyncConnection, before: Stored, writes: Writes, now: datetime, who: str, why: str
) -> list[RecordedChange]:
    done = []
    for (kind, name), value in writes.notes.items():
        note = before.of(kind).get(name)
        if value == (None if note is None else note.value):
            continue
        here = (STATE.c.kind == kind.value) & (STATE.c.name == name)
        if value is None:
            await connection.execute(delete(STATE).where(here))
        else:
            row = {
                "value": json.dumps(value),
                "changed_at": now,
                "changed_by": who,
                "why": why,
            }
            if note is None:
                await connection.execute(insert(STATE).values(kind=kind.value, name=name, **row))
            else:
                await connection.execute(update(STATE).where(here).values(row))
        was = None if note is None else note.value
        change = RecordedChange(
            now, who, name, shown(kind, was), shown(kind, value), why, kind.value
        )
        done.append(change)
        await connection.execute(
            insert(AUDIT).values(
                changed_at=now,
                changed_by=who,
                kind=kind.value,
                name=name,
                before=change.from_mode,
                after=change.to_mode,
                why=why,
            )
        )
    return done
