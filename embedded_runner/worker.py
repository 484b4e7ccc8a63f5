"""The worker process of one run: `python -m embedded_runner.worker FOLDER`.

Reads the folder's task and input, solves or checks with the application's class, and writes the
bodies of the requests that a DAG would send (cornflow_client's cf_solve and cf_check_generate_kpis).
It knows no address and no password: the supervisor delivers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedded_runner import registry
from embedded_runner.folder import Folder, RunOutcome, Task
from embedded_runner.model import ExecutionState, Json, RunKind

_TIME_LIMITS = ("timeLimit", "time_limit", "seconds")
"""Names under which applications take a time limit, in seconds."""
_SHARE = 0.9
"""Of the runner's limit, for the solver: the rest is for building, checking and writing."""


def main(path: str) -> int:
    _end_with_the_runner()
    folder = Folder(Path(path))
    task = folder.task()
    try:
        application = registry.load(task.target)
        request = json.loads(folder.input.read_bytes())
        work = check if task.kind is RunKind.CHECK else solve
        outcome = work(folder, task, application, request)
    except BaseException as error:
        # also SystemExit and the like: whatever an application raises is this run's failure
        traceback.print_exc()
        folder.finish(RunOutcome(False, f"{type(error).__name__}: {error}"))
        return 1
    folder.finish(outcome)
    return 0


def _end_with_the_runner() -> None:
    """Ends this process and its solvers when the runner is gone: the pipe on stdin closes then."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    # only as the leader of its own group: started by hand it would end its shell
    if os.getpgrp() == os.getpid():
        threading.Thread(target=watch, daemon=True, name="end-with-the-runner").start()


def solve(folder: Folder, task: Task, application: Any, request: Mapping[str, Json]) -> RunOutcome:
    config = within(task.time_limit, request["config"] or {}, application.schema)
    solution, solution_checks, instance_checks, kpis, files, files_status, log, log_json = (
        application.solve(request["data"], config, request["solution_data"])
    )
    sys.stdout.flush()
    body: dict[str, Json] = {
        "state": int(ExecutionState.CORRECT),
        "log_json": log_json,
        # what the solver printed is the log of an application that keeps none
        "log_text": log or folder.output_tail(),
        "solution_schema": application.name,
    }
    if solution:
        body["data"] = solution
        if solution_checks is not None:
            body["checks"] = solution_checks
        if kpis is not None:
            body["kpis"] = kpis
    return _write(folder, request, body, instance_checks, files, files_status)


def check(folder: Folder, task: Task, application: Any, request: Mapping[str, Json]) -> RunOutcome:
    instance_checks, solution_checks, kpis, files, files_status, log_json = (
        application.check_generate_kpis(request["data"], request["solution_data"])
    )
    body: dict[str, Json] = {"state": int(ExecutionState.CORRECT)}
    if (request["config"] or {}).get("checks_and_kpis_only"):
        # Cornflow made this execution for the check; the log of a user's own stays what it is
        body |= {
            "log_json": log_json,
            "log_text": "Data checked.",
            "solution_schema": application.name,
        }
    if solution_checks is not None:
        body["checks"] = solution_checks
    if kpis is not None:
        body["kpis"] = kpis
    if task.case is not None:
        case = {"checks": instance_checks}
        if solution_checks is not None:
            case["solution_checks"] = solution_checks
        if kpis is not None:
            case["kpis"] = kpis
        folder.write_body(folder.case_checks, case)
    return _write(folder, request, body, instance_checks, files, files_status)


def within(limit: float, config: Mapping[str, Json], schema: Mapping[str, Json]) -> dict[str, Json]:
    """The config, with a time limit that lets the solver end, with a solution, before it is ended."""
    known = schema.get("properties", {})
    share = max(1, int(limit * _SHARE))
    made = dict(config)
    for name in _TIME_LIMITS:
        configured = made.get(name)
        if isinstance(configured, (int, float)) and configured > share:
            print(f"{name} is {configured} in the config; this runner allows {share}")  # noqa: T201
            made[name] = share
    if not any(made.get(name) is not None for name in _TIME_LIMITS):
        named = [name for name in _TIME_LIMITS if name in known]
        if named:
            made[named[0]] = share
    return made


def _write(
    folder: Folder,
    request: Mapping[str, Json],
    body: Mapping[str, Json],
    instance_checks: Json,
    files: Any,
    files_status: int,
) -> RunOutcome:
    folder.write_body(folder.result, body)
    if instance_checks is not None:
        folder.write_body(folder.instance_checks, {"checks": instance_checks})
    if files is not None:
        folder.files.write_bytes(files.read() if hasattr(files, "read") else bytes(files))
    return RunOutcome(True, instance=str(request["id"]), files_status=int(files_status))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
