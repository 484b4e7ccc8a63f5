"""The state of executions, asked of the orchestrator while they have not finished.

Source: ``endpoints/execution.py``, ExecutionStatusEndpoint and the list of ExecutionEndpoint.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, case
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import Update

from cornflow_f.constants import EXECUTION_STATE_MESSAGES, ExecutionState
from cornflow_f.database.clock import database_now
from cornflow_f.errors import OrchestratorError
from cornflow_f.identity import Access
from cornflow_f.models import Execution
from cornflow_f.orchestrators.base import Orchestrator
from cornflow_f.services import execution as execution_service
from cornflow_f.services import launch, owned, persistence

_STATUS = (
    Execution.id,
    Execution.state,
    Execution.state_message,
    Execution.data_hash,
    Execution.schema,
    Execution.run_id,
    Execution.last_run_checks_and_kpis,
)
_NEVER_STARTED = timedelta(hours=1)
"""How long an execution may say that it runs, without a run and without a change, before a list calls it an error."""
_AT_ONCE = 10
"""States that one list asks the orchestrator for at the same time."""


async def status(
    session: AsyncSession, orchestrator: Orchestrator, access: Access, idx: str
) -> dict[str, Any]:
    """The state, asked of the orchestrator unless the execution has finished."""
    row = await owned.get(session, Execution, access, idx, _STATUS)
    state, message = row.state, row.state_message
    if state in execution_service.UNFINISHED:
        await session.commit()
        reported = await _ask(session, orchestrator, row)
        async with persistence.refusals(session, "updating", f"<Execution {idx}>"):
            statement = _heard(row, reported).returning(Execution.state, Execution.state_message)
            stored = (await session.execute(statement)).first()
            await session.commit()
        # it may have been deleted in the meantime
        state, message = stored or (reported, EXECUTION_STATE_MESSAGES[reported])
    return {"id": idx, "state": state, "message": message, "data_hash": row.data_hash}


def _heard(row: Row[Any], reported: ExecutionState) -> Update:
    """Stores what the orchestrator told of an execution, unless its state is another by now.

    While it was asked, a worker may have written its result, or a user may have stopped the execution:
    both know better. (The legacy has this race: what it overwrites depends on what it had read.)
    """
    as_read = Execution.state == row.state
    columns = execution_service.to_state(reported)
    return execution_service.change(
        row.id,
        **{
            name: case((as_read, value), else_=getattr(Execution, name))
            for name, value in columns.items()
        },
    )


async def _ask(session: AsyncSession, orchestrator: Orchestrator, row: Row[Any]) -> ExecutionState:
    if not row.run_id:
        raise await launch.failed(
            session, row.id, ExecutionState.ERROR, "The execution has no run_id associated"
        )
    # parity: one moment without the orchestrator, and the execution counts as not started
    await launch.require_alive(
        session, orchestrator, row.id, f"{orchestrator.name} is not accessible"
    )
    try:
        return await orchestrator.state_of(
            str(row.schema), row.run_id, checks=bool(row.last_run_checks_and_kpis)
        )
    except OrchestratorError as error:
        words = f"{orchestrator.name} responded with an error: {error}"
        raise await launch.failed(
            session, row.id, ExecutionState.UNKNOWN, words, error.log
        ) from error


async def refreshed(
    session: AsyncSession, orchestrator: Orchestrator, rows: Sequence[Row[Any]]
) -> list[dict[str, Any]]:
    """Rows of a list as replies show them, the unfinished ones with the orchestrator's state."""
    listed = [await execution_service.listed(row) for row in rows]
    await _settle(session, rows, listed)
    asked = [
        number
        for number, row in enumerate(rows)
        if row.state in execution_service.UNFINISHED and row.run_id
    ]
    if not asked:
        return listed
    await session.commit()
    if not await orchestrator.is_alive():
        return listed
    slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(row: Row[Any]) -> ExecutionState | None:
        async with slots:
            try:
                # parity: a run of the checks is not found, as its workflow has another name
                return await orchestrator.state_of(str(row.schema), row.run_id)
            except OrchestratorError:
                return None

    states = await asyncio.gather(*(ask(rows[number]) for number in asked))
    news = {number: state for number, state in zip(asked, states, strict=True) if state is not None}
    await _store(session, rows, listed, news)
    return listed


async def _settle(
    session: AsyncSession, rows: Sequence[Row[Any]], listed: list[dict[str, Any]]
) -> None:
    """An execution whose run was refused says that it runs, and has no run that could end.

    Asked for its state it becomes an error at once, as in the legacy; in a list the legacy leaves it for ever.
    The time of its last change stays: nothing has happened to it.
    """
    before = database_now() - _NEVER_STARTED
    never_started = [
        row.state == ExecutionState.RUNNING and not row.run_id and row.updated_at < before
        for row in rows
    ]
    lost = {number: ExecutionState.ERROR for number, is_lost in enumerate(never_started) if is_lost}
    await _store(session, rows, listed, lost, keep_time=True)


async def _store(
    session: AsyncSession,
    rows: Sequence[Row[Any]],
    listed: list[dict[str, Any]],
    news: Mapping[int, ExecutionState],
    *,
    keep_time: bool = False,
) -> None:
    """New states, by the number of the row, into the database and the list."""
    statements = []
    for number, state in news.items():
        changed_at = rows[number].updated_at if keep_time else database_now()
        statements.append(_heard(rows[number], state).values(updated_at=changed_at))
        listed[number] |= {
            "state": int(state),
            "message": EXECUTION_STATE_MESSAGES[state],
            "updated_at": changed_at,
        }
    if statements:
        await persistence.execute(session, "updating", "<Execution>", *statements)
