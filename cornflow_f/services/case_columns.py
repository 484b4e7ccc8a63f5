"""Columns of cases for selects: what a reply shows, without reading data and solutions for it."""

import json
from functools import cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Row, Text, literal_column
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.models import Case
from cornflow_f.services.owned import is_sqlite

PLAIN = (
    Case.id,
    Case.name,
    Case.description,
    Case.created_at,
    Case.updated_at,
    Case.user_id,
    Case.data_hash,
    Case.solution_hash,
    Case.schema,
    Case.path,
)

# Above 16 stored bytes PostgreSQL need not fetch a value to know that it is not `null`.
_IS_DIR = {
    True: "(cases.data IS NULL OR cases.data = 'null')",
    False: (
        "(cases.data IS NULL OR CASE WHEN pg_column_size(cases.data) > 16 THEN false "
        "ELSE cases.data::text = 'null' END)"
    ),
}

# A document with only the indicators of the solution; the whole solution where the database's own
# JSON functions are stricter than Python's (NaN in SQLite, \u0000 in PostgreSQL).
_INDICATORS = {
    True: (
        "CASE WHEN instr(cases.solution, '\"indicators\"') = 0 THEN NULL "
        "WHEN json_valid(cases.solution) THEN "
        "json_object('indicators', json(json_quote(json_extract(cases.solution, '$.indicators')))) "
        "ELSE cases.solution END"
    ),
    False: (
        "CASE WHEN strpos(cases.solution::text, '\"indicators\"') = 0 THEN NULL "
        "WHEN strpos(cases.solution::text, '\\u0000') = 0 "
        "AND json_typeof(cases.solution) = 'object' THEN "
        "json_build_object('indicators', cases.solution -> 'indicators')::text "
        "ELSE cases.solution::text END"
    ),
}


def is_dir(session: AsyncSession) -> ColumnElement[bool]:
    """Whether the case is a folder."""
    return _is_dir(is_sqlite(session))


def _is_dir(sqlite: bool) -> ColumnElement[bool]:
    return literal_column(_IS_DIR[sqlite], Boolean).label("is_dir")


def detailed(session: AsyncSession) -> tuple[Any, ...]:
    return _detailed(is_sqlite(session))


@cache
def _detailed(sqlite: bool) -> tuple[Any, ...]:
    indicators = literal_column(_INDICATORS[sqlite], Text).label("indicators")
    return (*PLAIN, _is_dir(sqlite), indicators)


def shown(row: Row[Any]) -> dict[str, Any]:
    """A row of `detailed` columns as replies show it."""
    values = dict(row._mapping)
    return {**values, "indicators": _printed(values["indicators"])}


def _printed(text: str | None) -> str:
    """The indicators on one line, ``name: value; name: value``."""
    solution = json.loads(text) if text else None
    indicators = solution.get("indicators") if isinstance(solution, dict) else None
    if not isinstance(indicators, dict):
        return ""
    return "; ".join(f"{name}: {value}" for name, value in sorted(indicators.items()))
