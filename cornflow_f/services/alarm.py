"""Alarms, and the alarms raised. Source: ``endpoints/alarms.py`` and ``endpoints/main_alarms.py``."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.clock import database_now
from cornflow_f.errors import NotFound
from cornflow_f.models import Alarm, MainAlarm
from cornflow_f.services import persistence
from cornflow_f.services.persistence import LARGEST_ID

AnyAlarm = TypeVar("AnyAlarm", Alarm, MainAlarm)


async def list_all(
    session: AsyncSession, model: type[AnyAlarm], filters: Mapping[str, Any]
) -> Sequence[AnyAlarm]:
    # parity: in no order, as the legacy's lists that are not of users' data
    statement = select(model).where(model.deleted_at.is_(None))
    for name, value in filters.items():
        # parity: the filter `schema` is accepted and ignored (TraceAttributesModel.get_all_objects)
        if name == "schema":
            continue
        if isinstance(value, int) and abs(value) > LARGEST_ID:
            return []
        statement = statement.where(getattr(model, name) == value)
    return (await session.scalars(statement)).all()


async def create(
    session: AsyncSession, model: type[AnyAlarm], values: Mapping[str, Any]
) -> AnyAlarm:
    alarm = model(**values)
    await persistence.save(session, alarm)
    return alarm


async def edit(session: AsyncSession, idx: int, values: dict[str, Any]) -> None:
    alarm = await persistence.get(session, Alarm, idx)
    await persistence.update(session, alarm, values)


async def disable(session: AsyncSession, idx: int) -> None:
    """Hides an alarm; one that is hidden already gets a new time."""
    alarm = await session.get(Alarm, idx) if 0 <= idx <= LARGEST_ID else None
    if alarm is None:
        raise NotFound(f"Object with id {idx} not found.")
    statement = update(Alarm).where(Alarm.id == idx).values(deleted_at=database_now())
    await persistence.execute(session, "disabling", str(alarm), statement)
