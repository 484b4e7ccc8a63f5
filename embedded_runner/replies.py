"""Values as Airflow's REST API version 1 writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.responses import JSONResponse

from embedded_runner.model import Json, Run, RunKind, RunState, Workflow


def problem(
    status: int, title: str, detail: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {"detail": detail or title, "status": status, "title": title, "type": "about:blank"}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def dag(workflow: Workflow, paused: bool) -> Json:
    return {
        "dag_id": workflow.id,
        "dag_display_name": workflow.id,
        "description": workflow.description,
        "has_import_errors": False,
        "has_task_concurrency_limits": False,
        "is_active": True,
        "is_paused": paused,
        "is_subdag": False,
        "owners": ["cornflow-runner"],
        "schedule_interval": None,
        "tags": [{"name": workflow.tag}],
    }


def dag_run(run: Run) -> Json:
    return {
        "conf": dict(run.conf),
        "dag_id": run.workflow,
        "dag_run_id": run.run_id,
        "data_interval_end": run.execution_date,
        "data_interval_start": run.execution_date,
        "end_date": moment(run.ended),
        "execution_date": run.execution_date,
        "external_trigger": True,
        "last_scheduling_decision": moment(run.started),
        "logical_date": run.execution_date,
        "note": run.reason or None,
        "run_type": "manual",
        "start_date": moment(run.started),
        "state": run.state.value,
    }


def task_instance(run: Run, workflow: Workflow | None) -> Json:
    """Each workflow has one task, which is called what the workflow is called."""
    took = None if run.started is None or run.ended is None else run.ended - run.started
    return {
        "dag_id": run.workflow,
        "dag_run_id": run.run_id,
        "duration": took,
        "end_date": moment(run.ended),
        "execution_date": run.execution_date,
        "executor_config": "{}",
        "hostname": "localhost",
        "map_index": -1,
        "max_tries": 0,
        "note": run.reason or None,
        "operator": "Internal" if workflow and workflow.kind is RunKind.INTERNAL else "Worker",
        "pid": run.pid,
        "start_date": moment(run.started),
        "state": run.state.value,
        "task_id": run.workflow,
        "try_number": 0 if run.state is RunState.QUEUED else 1,
    }


def moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
