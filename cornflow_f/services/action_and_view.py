"""The fixed lists: actions and views. Sources: ``endpoints/action.py`` and ``endpoints/apiview.py``."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.models import Action, View


async def list_actions(session: AsyncSession) -> Sequence[Action]:
    return (await session.scalars(select(Action))).all()


async def list_views(session: AsyncSession) -> Sequence[View]:
    return (await session.scalars(select(View))).all()
