"""Executions: lists, details, results, editing. Source: ``endpoints/execution.py``, ``models/execution.py``."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, case, delete, or_, select, update
from sqlalchemy import Text as SqlText
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import Update

from cornflow_f.constants import (
    EXECUTION_STATE_MESSAGES,
    ExecutionFiles,
    ExecutionState,
)
from cornflow_f.database.clock import database_now
from cornflow_f.database.json_text import NULL, JsonText, as_text, is_null, stored, to_text
from cornflow_f.errors import InvalidData, InvalidUsage
from cornflow_f.identity import Access
from cornflow_f.models import Execution, Instance, User
from cornflow_f.offload import is_heavy, is_long, offload_if
from cornflow_f.schemas.solver_log import BASIC, Log
from cornflow_f.services import deployed_schema, owned, persistence
from cornflow_f.services.deployed_schema import SchemaKind, SchemaSource
from cornflow_f.services.values import ExecutionChanges
from cornflow_f.validation import json_schema

SHOWN: tuple[Any, ...] = (
    Execution.id,
    Execution.name,
    Execution.description,
    Execution.created_at,
    Execution.user_id,
    Execution.data_hash,
    Execution.schema,
    as_text(Execution.config),
    Execution.instance_id,
    Execution.state,
    Execution.state_message,
)
"""What every reply about an execution holds."""
_OWNER = (User.username, User.first_name, User.last_name)
_OF_OWNER = tuple(
    select(column).where(User.id == Execution.user_id).scalar_subquery().label(column.key)
    for column in _OWNER
)
_LISTED = (
    *SHOWN,
    Execution.updated_at,
    Execution.run_id,
    as_text(Execution.log_json),
    *_OF_OWNER,
)
_FULL_RUN = or_(Execution.checks_and_kpis_only.is_(False), Execution.checks_and_kpis_only.is_(None))
_DETAIL = (*SHOWN, Execution.updated_at, *_OF_OWNER)
_DATA = (
    *SHOWN,
    as_text(Execution.data),
    as_text(Execution.checks),
    as_text(Execution.kpis),
    as_text(Execution.log_json),
)
_NOT_FILTERS = ("deletion_date_gte", "deletion_date_lte")
UNFINISHED = (ExecutionState.RUNNING, ExecutionState.QUEUED, ExecutionState.UNKNOWN)
"""States in which the orchestrator knows better."""
_INDICATORS = "indicators"


def shown(row: Row[Any]) -> dict[str, Any]:
    """A row of `SHOWN` as replies show it."""
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "created_at": row.created_at,
        "user_id": row.user_id,
        "data_hash": row.data_hash,
        "schema": row.schema,
        "config": stored(row.config),
        "instance_id": row.instance_id,
        "state": row.state,
        "message": row.state_message,
    }


def with_owner(row: Row[Any]) -> dict[str, Any]:
    names = {column.key: getattr(row, column.key) for column in _OWNER}
    return {**shown(row), "updated_at": row.updated_at, **names}


async def list_rows(
    session: AsyncSession, access: Access, filters: Mapping[str, Any]
) -> Sequence[Row[Any]]:
    owned.refuse(filters, _NOT_FILTERS)
    extra = () if filters.get("checks_and_kpis", False) else (_FULL_RUN,)
    rows = await owned.list_rows(session, Execution, access, filters, _LISTED, *extra)
    # parity: left out after the page was cut (endpoints/execution.py, ExecutionEndpoint.get)
    return [row for row in rows if not _is_checks_only(row.config)]


def _is_checks_only(config: str) -> bool:
    if "checks_only" not in config:
        return False
    # legacy-5xx: the legacy fails when the config is no object.
    decoded = json.loads(config)
    return isinstance(decoded, dict) and bool(decoded.get("checks_only", False))


async def listed(row: Row[Any]) -> dict[str, Any]:
    return {**with_owner(row), "log": await _log(row.log_json, BASIC)}


async def detail(session: AsyncSession, access: Access, idx: str) -> dict[str, Any]:
    return with_owner(await owned.get(session, Execution, access, idx, _DETAIL))


async def data(session: AsyncSession, access: Access, idx: str) -> dict[str, Any]:
    row = await owned.get(session, Execution, access, idx, _DATA)
    return {
        **shown(row),
        "data": stored(row.data),
        "checks": stored(row.checks),
        "kpis": stored(row.kpis),
        "log": await _log(row.log_json, BASIC),
    }


async def log(session: AsyncSession, access: Access, idx: str) -> dict[str, Any]:
    # The solution may be large: it is read only when it can hold indicators.
    mentions = sql_cast(as_text(Execution.data).element, SqlText).contains(f'"{_INDICATORS}"')
    columns = (
        *SHOWN,
        Execution.updated_at,
        as_text(Execution.log_json),
        Execution.log_text,
        case((mentions, as_text(Execution.data).element)).label("solution"),
        *_OF_OWNER,
    )
    row = await owned.get(session, Execution, access, idx, columns)
    return {
        **with_owner(row),
        "indicators": await _indicators(row.solution),
        "log": await _log(row.log_json, tuple(Log.model_fields)),
        "log_text": row.log_text,
    }


async def _log(text: str | None, names: Sequence[str]) -> Any:
    """The part of a solver's log that a reply shows."""
    if text is None or is_null(text):
        return None
    log = await offload_if(is_long(text), json.loads, text)
    if not isinstance(log, dict):
        return {}
    return {name: log[name] for name in names if name in log}


async def _indicators(solution: str | None) -> str:
    """`name: value;` of every indicator in a solution, by name, without the last semicolon."""
    if solution is None:
        return ""
    decoded = await offload_if(is_long(solution), json.loads, solution)
    indicators = decoded.get(_INDICATORS) if isinstance(decoded, dict) else None
    if not isinstance(indicators, dict):
        # legacy-5xx: the legacy fails when the indicators are no object.
        return ""
    return "".join(f" {name}: {indicators[name]};" for name in sorted(indicators))[1:-1]


def change(idx: str, **values: Any) -> Update:
    """The statement that changes an execution, with the time of the change."""
    return update(Execution).where(Execution.id == idx).values(updated_at=database_now(), **values)


def to_state(state: int, message: str | None = None) -> dict[str, Any]:
    """The columns that tell a state. Raises InvalidUsage when there is no such state."""
    if state not in EXECUTION_STATE_MESSAGES:
        # legacy-5xx: the legacy fails (KeyError).
        known = ", ".join(str(int(known)) for known in sorted(EXECUTION_STATE_MESSAGES))
        raise InvalidUsage(f"There is no execution state {state}; there are {known}")
    return {"state": state, "state_message": message or EXECUTION_STATE_MESSAGES[state]}


async def save(session: AsyncSession, idx: str, **values: Any) -> None:
    """Changes an execution and commits."""
    await persistence.execute(session, "updating", f"<Execution {idx}>", change(idx, **values))


async def set_state(
    session: AsyncSession, idx: str, state: ExecutionState, message: str | None = None
) -> None:
    await save(session, idx, **to_state(state, message))


async def of_new_solution(document: Any) -> dict[str, Any]:
    """The columns that a new solution changes: it makes checks, KPIs and files stale."""
    text = await offload_if(is_heavy(document), to_text, document)
    files = case(
        (
            Execution.execution_files_status == int(ExecutionFiles.OK),
            int(ExecutionFiles.NOT_UP_TO_DATE),
        ),
        else_=Execution.execution_files_status,
    )
    return {
        "data": JsonText(text),
        "checks": JsonText(NULL),
        "kpis": JsonText(NULL),
        "execution_files_status": files,
    }


async def edit(
    session: AsyncSession,
    source: SchemaSource,
    access: Access,
    idx: str,
    values: ExecutionChanges,
) -> None:
    """Changes an execution; whoever changes it owns it from then on."""
    row = await owned.get(session, Execution, access, idx, (Execution.schema,))
    await _require_own_instance(session, access, idx, values.get("instance_id"))
    changes: dict[str, Any] = {**values, "user_id": access.user.id}
    if "data" in values:
        if row.schema is not None:
            # parity: the short name of a workflow means nothing here (ExecutionDetailsEndpoint.put)
            text = await deployed_schema.text_of(session, source, row.schema, SchemaKind.SOLUTION)
            await json_schema.require_valid(text, values["data"])
        changes |= await of_new_solution(values["data"])
    await save(session, idx, **changes)


async def _require_own_instance(
    session: AsyncSession, access: Access, idx: str, instance_id: str | None
) -> None:
    """Refuses another user's instance as one that is not there: a worker would be sent its data."""
    if instance_id is None or access.to_all:
        return
    owner = await session.scalar(select(Instance.user_id).where(Instance.id == instance_id))
    if owner not in (None, access.user.id):
        raise InvalidData(f"Integrity error on updating with data <Execution {idx}>")


async def remove(session: AsyncSession, access: Access, idx: str) -> None:
    await owned.get(session, Execution, access, idx, (Execution.id,))
    statement = delete(Execution).where(Execution.id == idx)
    await persistence.execute(session, "deleting", f"<Execution {idx}>", statement)


async def set_status(session: AsyncSession, access: Access, idx: str, status: int | None) -> bool:
    """Sets the state of an execution that has not finished. False: no state was given."""
    row = await owned.get(session, Execution, access, idx, (Execution.state,))
    if row.state not in UNFINISHED:
        return True
    if status is None:
        return False
    await save(session, idx, **to_state(status))
    return True
