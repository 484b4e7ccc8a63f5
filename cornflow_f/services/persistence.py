"""Loading and saving one row, with the legacy's words when the database refuses.

Source: ``models/meta_models.py`` (commit_changes) and ``endpoints/meta_resource.py``.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.clock import database_now
from cornflow_f.database.engine import Base
from cornflow_f.database.failures import is_unreachable
from cornflow_f.errors import InvalidData, NotFound

logger = logging.getLogger(__name__)

LARGEST_ID = 2**31 - 1
"""Keys are 32-bit integers: a larger number is nobody's, and some drivers refuse to ask."""

Row = TypeVar("Row", bound=Base)


@asynccontextmanager
async def refusals(session: AsyncSession, action: str, subject: str) -> AsyncIterator[None]:
    """What the database refuses becomes InvalidData; that it is away stays as it is. `subject` is how the legacy prints the row."""
    try:
        yield
    except Exception as error:
        if is_unreachable(error):
            # not the data's fault, which the legacy's 400 would say: a client may send them again
            with suppress(Exception):
                await session.rollback()
            raise
        await session.rollback()
        kind = "Unknown error"
        if isinstance(error, IntegrityError):
            kind = "Integrity error"
        elif isinstance(error, DBAPIError) and not _is_unencodable(error):
            kind = "Unknown database error"
        # Without the parameters: they hold password hashes and clients' data.
        logger.error("%s on %s data: %s", kind, action, getattr(error, "orig", error))
        raise InvalidData(f"{kind} on {action} with data {subject}") from error


def _is_unencodable(error: BaseException | None) -> bool:
    """Text that can't be UTF-8: one driver raises that as it is, another as an error of the database."""
    while error is not None:
        if isinstance(error, UnicodeEncodeError):
            return True
        error = error.__cause__
    return False


async def commit(session: AsyncSession, action: str, subject: str) -> None:
    """Ends the transaction; raises InvalidData."""
    async with refusals(session, action, subject):
        await session.commit()


async def execute(session: AsyncSession, action: str, subject: str, *statements: Any) -> None:
    """Runs statements that load no row, and commits; raises InvalidData."""
    async with refusals(session, action, subject):
        for statement in statements:
            await session.execute(statement)
        await session.commit()


async def save(session: AsyncSession, row: Base) -> None:
    """Adds a new row. Its text is taken before the attempt: afterwards it may ask the database."""
    subject = str(row)
    session.add(row)
    await commit(session, "saving", subject)


async def update(session: AsyncSession, row: Any, values: dict[str, Any]) -> None:
    """Sets `values` and the time of the update. In an error message the row has its old values."""
    subject = str(row)
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_at = database_now()
    await commit(session, "updating", subject)


async def delete(session: AsyncSession, row: Base) -> None:
    """Deletes the row and what hangs on it."""
    subject = str(row)
    try:
        await session.delete(row)
    except DBAPIError as error:
        await session.rollback()
        raise InvalidData(f"Unknown database error on deleting with data {subject}") from error
    await commit(session, "deleting", subject)


async def find(session: AsyncSession, model: type[Row], idx: int) -> Row | None:
    """The row with this key, unless it is marked as deleted."""
    if not 0 <= idx <= LARGEST_ID:
        return None
    row = await session.get(model, idx)
    if row is None or getattr(row, "deleted_at", None) is not None:
        return None
    return row


async def get(session: AsyncSession, model: type[Row], idx: int) -> Row:
    """As `find`, but NotFound instead of None."""
    row = await find(session, model, idx)
    if row is None:
        raise NotFound
    return row
