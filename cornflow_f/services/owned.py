"""Lists of and single rows of what users own: instances, executions, cases.

Only the asked columns are read, in one statement: the large JSON columns never travel for a list.
Source: ``models/base_data_model.py``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Row, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.clock import in_database
from cornflow_f.errors import InvalidUsage, NotFound
from cornflow_f.identity import Access
from cornflow_f.services.persistence import LARGEST_ID

_LARGEST_COUNT = 2**63 - 1
_LIMIT = 10

# legacy-5xx: the legacy's list methods don't know these, and fail.
_NOT_FILTERS = (
    "id",
    "name",
    "user_name",
    "last_name",
    "email",
    "role_id",
    "url_rule",
    "description",
    "update_date_gte",
    "update_date_lte",
)


def refuse(filters: Mapping[str, Any], names: Sequence[str]) -> None:
    """InvalidUsage when one of these filters was given."""
    for name in names:
        if name in filters:
            raise InvalidUsage(f"This list can't be filtered by {name}")


async def list_rows(
    session: AsyncSession,
    model: Any,
    access: Access,
    filters: Mapping[str, Any],
    columns: Sequence[Any],
    *extra: ColumnElement[bool],
) -> Sequence[Row[Any]]:
    """Rows from the newest to the oldest. `filters` are those the client gave, by name.

    `columns` and `extra` that are the same objects every time make a statement that is built once.
    """
    refuse(filters, _NOT_FILTERS)
    statement = _many(model, tuple(columns), access.to_all, extra)
    if filters:
        statement = statement.where(*_matching(session, model, filters))
        statement = page(session, statement, filters, _LIMIT)
    connection = await session.connection()
    result = await connection.execute(statement, {"owner": access.user.id})
    rows: Sequence[Row[Any]] = result.all()
    return rows


@lru_cache(maxsize=256)
def _many(
    model: Any, columns: tuple[Any, ...], to_all: bool, extra: tuple[ColumnElement[bool], ...]
) -> Select[Any]:
    """The first page. Built once: that costs as much as running it."""
    statement: Select[Any] = select(*columns).where(*_conditions(model, to_all), *extra)
    return statement.order_by(model.created_at.desc()).offset(0).limit(_LIMIT)


@lru_cache(maxsize=256)
def _one(model: Any, what: tuple[Any, ...] | Select[Any], to_all: bool) -> Select[Any]:
    statement = what if isinstance(what, Select) else select(*what)
    return statement.where(model.id == bindparam("idx"), *_conditions(model, to_all))


def _conditions(model: Any, to_all: bool) -> list[ColumnElement[bool]]:
    """As `Access.conditions`, for a user who is named when the statement runs."""
    live = [model.deleted_at.is_(None)]
    return live if to_all else [*live, model.user_id == bindparam("owner")]


def _matching(
    session: AsyncSession, model: Any, filters: Mapping[str, Any]
) -> list[ColumnElement[bool]]:
    conditions = []
    if filters.get("schema"):
        conditions.append(model.schema == filters["schema"])
    for name, column, after in (
        ("creation_date_gte", model.created_at, True),
        ("creation_date_lte", model.created_at, False),
        # parity: with deleted rows left out above, these two find nothing
        ("deletion_date_gte", model.deleted_at, True),
        ("deletion_date_lte", model.deleted_at, False),
    ):
        if name in filters:
            moment = database_time(session, filters[name])
            conditions.append(column >= moment if after else column <= moment)
    return conditions


def database_time(session: AsyncSession, moment: datetime) -> datetime:
    """A client's time as the database compares it."""
    if moment.tzinfo is None:
        return moment
    if is_sqlite(session):
        # parity: SQLAlchemy drops the offset when it writes a time for SQLite
        return moment.replace(tzinfo=None)
    return in_database(moment)


def is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def page(
    session: AsyncSession,
    statement: Select[Any],
    filters: Mapping[str, Any],
    limit: int | None,
) -> Select[Any]:
    """`limit` and `offset` as the client gave them; `limit` here is the default."""
    for name in ("limit", "offset"):
        value = filters.get(name, 0)
        # parity: SQLite takes a negative number for "no limit"; PostgreSQL refuses it
        lowest = -_LARGEST_COUNT - 1 if is_sqlite(session) else 0
        if not lowest <= value <= _LARGEST_COUNT:
            raise InvalidUsage(f"{name} is out of range")
    asked = filters.get("limit", limit)
    return statement.offset(filters.get("offset", 0)).limit(asked)


async def find(
    session: AsyncSession, model: Any, access: Access, idx: str | int, columns: Sequence[Any]
) -> Row[Any] | None:
    """The asked columns of one row, if the user may see it."""
    if not is_possible(idx):
        return None
    return (await _about(session, model, access, idx, tuple(columns))).first()


async def _about(
    session: AsyncSession,
    model: Any,
    access: Access,
    idx: str | int,
    what: tuple[Any, ...] | Select[Any],
) -> CursorResult[Any]:
    statement = _one(model, what, access.to_all)
    connection = await session.connection()
    wanted = {"idx": idx, "owner": access.user.id}
    result: CursorResult[Any] = await connection.execute(statement, wanted)
    return result


async def get(
    session: AsyncSession, model: Any, access: Access, idx: str | int, columns: Sequence[Any]
) -> Row[Any]:
    """As `find`, but NotFound instead of None."""
    row = await find(session, model, access, idx, columns)
    if row is None:
        raise NotFound
    return row


async def get_rows(
    session: AsyncSession, model: Any, access: Access, idx: str | int, statement: Select[Any]
) -> Sequence[Row[Any]]:
    """The rows of a statement about one object, if the user may see it; NotFound otherwise."""
    rows: Sequence[Row[Any]] = []
    if is_possible(idx):
        rows = (await _about(session, model, access, idx, statement)).all()
    if not rows:
        raise NotFound
    return rows


async def rows_of(
    session: AsyncSession, idx: str | int, statement: Select[*tuple[Any, ...]]
) -> Sequence[Row[Any]]:
    """The rows of a statement about one object; NotFound when there are none."""
    rows: Sequence[Row[Any]] = []
    if is_possible(idx):
        rows = (await session.execute(statement)).all()
    if not rows:
        raise NotFound
    return rows


async def find_both(
    session: AsyncSession,
    model: Any,
    access: Access,
    ids: Sequence[int],
    columns: Sequence[Any],
) -> dict[int, Row[Any]]:
    """The rows with these keys that the user may see, by key, in one statement."""
    wanted = [idx for idx in ids if is_possible(idx)]
    statement: Select[Any] = select(*columns, model.id.label("own_id")).where(
        model.id.in_(wanted), *access.conditions(model)
    )
    rows: Sequence[Row[Any]] = (await session.execute(statement)).all()
    return {row.own_id: row for row in rows}


def is_possible(idx: str | int) -> bool:
    """Whether a key can exist at all. Drivers refuse to ask for the others."""
    if isinstance(idx, int):
        return 0 <= idx <= LARGEST_ID
    return "\x00" not in idx
