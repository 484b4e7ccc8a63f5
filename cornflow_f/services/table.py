"""Any table as plain rows, for the service user. Source: ``endpoints/tables.py``, ``shared/utils_tables.py``.

Each model of the legacy filters in its own way; this does as all of them do, without loading entities:
JSON columns stay text.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Integer, Row, Select, inspect, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.engine import Base
from cornflow_f.database.json_text import as_text, stored
from cornflow_f.errors import InvalidUsage, NotFound
from cornflow_f.identity import Access
from cornflow_f.models import Execution
from cornflow_f.models.base import DataBase, TracedBase
from cornflow_f.services import owned

_PAGING = ("limit", "offset")
_TIMES = {
    "creation_date": "created_at",
    "update_date": "updated_at",
    "deletion_date": "deleted_at",
}
# Hashes of passwords are nobody's business; the legacy shows them.
_SECRET = {("users", "password")}
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,40}\s*", re.ASCII)


async def rows(
    session: AsyncSession, access: Access, table: str, filters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    model = _model(table)
    columns = _columns(model)
    if issubclass(model, DataBase):
        matches = await _owned_rows(session, access, model, filters, columns)
    else:
        statement: Select[Any] = select(*columns).where(*_matching(session, model, filters))
        # parity: in no order, and no limit unless one is given; 0 is none
        paging = {name: filters[name] for name in _PAGING if filters.get(name)}
        statement = owned.page(session, statement, paging, None)
        matches = (await session.execute(statement)).all()
    return [_shown(model, row) for row in matches]


async def row(session: AsyncSession, table: str, idx: str) -> dict[str, Any]:
    model = _model(table)
    key: str | int = idx
    if isinstance(_key(model).type, Integer):
        try:
            key = int(idx)
        except ValueError:
            raise InvalidUsage("Invalid identifier.") from None
    live = [model.deleted_at.is_(None)] if issubclass(model, TracedBase) else []
    statement = select(*_columns(model)).where(_key(model) == key, *live)
    return _shown(model, (await owned.rows_of(session, key, statement))[0])


def _model(table: str) -> type[Any]:
    """The model of a table, also of an external application's."""
    for mapper in Base.registry.mappers:
        if getattr(mapper.class_, "__tablename__", None) == table:
            return mapper.class_
    raise NotFound("The table does not exist on the database")


def _key(model: Any) -> Any:
    """Its id, or for a model of an external application without one the first column of its key."""
    return model.id if hasattr(model, "id") else inspect(model).primary_key[0]


def _columns(model: Any) -> list[Any]:
    return [_selected(model, column) for column in model.__table__.columns]


def _selected(model: Any, column: Any) -> Any:
    attribute = getattr(model, column.key)
    if (model.__tablename__, column.name) in _SECRET:
        return null().label(column.name)
    return as_text(attribute) if isinstance(column.type, JSON) else attribute


async def _owned_rows(
    session: AsyncSession,
    access: Access,
    model: type[Any],
    filters: Mapping[str, Any],
    columns: Sequence[Any],
) -> Sequence[Row[Any]]:
    extra: list[ColumnElement[bool]] = []
    if issubclass(model, Execution):
        owned.refuse(filters, ("deletion_date_gte", "deletion_date_lte"))
        only = Execution.checks_and_kpis_only
        extra.append(or_(only.is_(False), only.is_(None)))
    return await owned.list_rows(session, model, access, filters, columns, *extra)


def _matching(
    session: AsyncSession, model: Any, filters: Mapping[str, Any]
) -> list[ColumnElement[bool]]:
    traced = issubclass(model, TracedBase)
    conditions: list[ColumnElement[bool]] = []
    if traced and not any(name.startswith("deletion_date") for name in filters):
        conditions.append(model.deleted_at.is_(None))
    for name, value in filters.items():
        field, _, bound = name.rpartition("_")
        if name in _PAGING or (name == "schema" and traced):
            # parity: a schema is accepted and ignored
            continue
        if traced and field in _TIMES:
            column, moment = getattr(model, _TIMES[field]), owned.database_time(session, value)
            conditions.append(column >= moment if bound == "gte" else column <= moment)
        elif name in model.__table__.columns:
            conditions.append(_equal(getattr(model, name), value))
        else:
            owned.refuse(filters, (name,))
    return conditions


def _equal(column: Any, value: Any) -> ColumnElement[bool]:
    if isinstance(column.type, Integer) and isinstance(value, str):
        # parity: as the database reads text for a number, so no other script's digits
        value = int(value) if _WHOLE.fullmatch(value) else None
    if value is None or (isinstance(value, int) and not owned.is_possible(value)):
        return column.is_(None) & column.is_not(None)  # type: ignore[no-any-return]
    return column == value  # type: ignore[no-any-return]


def _shown(model: Any, row: Row[Any]) -> dict[str, Any]:
    values = {}
    for column, value in zip(model.__table__.columns, row, strict=True):
        if isinstance(value, datetime):
            # parity: times of tables look like those of HTTP headers
            value = format_datetime(value.replace(tzinfo=UTC), usegmt=True)
        elif isinstance(column.type, JSON):
            value = stored(value)
        values[column.name] = value
    return values
