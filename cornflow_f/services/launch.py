"""The steps of handing an execution to an orchestrator, and what is left of it when one fails."""

from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.constants import EXECUTION_STATE_MESSAGES, ExecutionState
from cornflow_f.errors import OrchestratorError
from cornflow_f.orchestrators.base import Orchestrator, Workflow
from cornflow_f.orchestrators.http import BadReply, NoReply
from cornflow_f.services import execution as execution_service

NOT_REACHABLE = "Airflow is not reachable"
PAUSED = "The dag exists but it is paused in airflow"


async def failed(
    session: AsyncSession,
    idx: str,
    state: ExecutionState,
    words: str,
    log: str | None = None,
) -> OrchestratorError:
    """Gives the execution its state; the error to raise. `log` is what is written where that is more."""
    await execution_service.set_state(session, idx, state)
    payload = {"message": EXECUTION_STATE_MESSAGES[state], "state": int(state)}
    return OrchestratorError(words, payload=payload, log=log)


async def require_alive(
    session: AsyncSession, orchestrator: Orchestrator, idx: str, words: str
) -> None:
    if not await orchestrator.is_alive():
        raise await failed(session, idx, ExecutionState.ERROR_START, words)


async def workflow(
    session: AsyncSession, orchestrator: Orchestrator, idx: str, name: str, *, checks: bool = False
) -> Workflow:
    # parity: when the orchestrator refuses, the execution keeps the state "running"
    try:
        return await orchestrator.workflow(name, checks=checks)
    except (NoReply, BadReply) as error:
        # legacy-5xx: the legacy fails, and the execution seems to run for ever.
        raise await failed(session, idx, ExecutionState.ERROR_START, error.error) from error


async def require_running(session: AsyncSession, target: Workflow, idx: str, words: str) -> None:
    if target.is_paused is None:
        # legacy-5xx: the legacy fails (KeyError).
        message = "The orchestrator does not tell whether the workflow is paused"
        raise await failed(session, idx, ExecutionState.ERROR_START, message)
    if target.is_paused:
        raise await failed(session, idx, ExecutionState.ERROR_START, words)


async def launch(
    session: AsyncSession,
    orchestrator: Orchestrator,
    idx: str,
    name: str,
    *,
    checks: bool = False,
    case_id: int | None = None,
) -> None:
    """Starts the run; the execution is queued with the id of the run, or has found an error."""
    # no connection is held while the orchestrator takes its time
    await session.commit()
    try:
        run_id = await orchestrator.run(name, idx, checks=checks, case_id=case_id)
    except OrchestratorError as error:
        words = f"{orchestrator.name} responded with an error: {error}"
        raise await failed(session, idx, ExecutionState.ERROR, words, error.log) from error
    if run_id is None and not checks:
        # legacy-5xx: the legacy fails (KeyError) and leaves an execution that seems to run.
        words = f"{orchestrator.name} does not tell the id of the run"
        raise await failed(session, idx, ExecutionState.ERROR, words)
    values = execution_service.to_state(ExecutionState.QUEUED)
    if checks:
        # parity: a check whose run has no id is queued all the same (endpoints/data_check.py)
        values["last_run_checks_and_kpis"] = True
    await execution_service.save(session, idx, run_id=run_id, **values)
