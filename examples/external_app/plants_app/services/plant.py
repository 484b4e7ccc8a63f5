"""Plants."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.clock import database_now
from cornflow_f.errors import AlreadyExists, NotFound
from plants_app.models.plant import Plant


async def list_all(session: AsyncSession) -> Sequence[Plant]:
    statement = select(Plant).where(Plant.deleted_at.is_(None)).order_by(Plant.id)
    return (await session.scalars(statement)).all()


async def get(session: AsyncSession, idx: int) -> Plant:
    plant = await session.get(Plant, idx)
    if plant is None or plant.deleted_at is not None:
        raise NotFound
    return plant


async def create(session: AsyncSession, user_id: int, name: str, capacity: float) -> Plant:
    if await session.scalar(select(Plant.id).where(Plant.name == name)):
        raise AlreadyExists(f"There is a plant {name}")
    plant = Plant(name=name, capacity=capacity, user_id=user_id)
    session.add(plant)
    await session.commit()
    return plant


async def set_capacity(session: AsyncSession, user_id: int, idx: int, capacity: float) -> Plant:
    plant = await get(session, idx)
    plant.capacity, plant.user_id, plant.updated_at = capacity, user_id, database_now()
    await session.commit()
    return plant
