"""What Cornflow is sent at the end of a run, from the files its worker left."""

from __future__ import annotations

import asyncio
from pathlib import Path

from embedded_runner.cornflow import Cornflow
from embedded_runner.folder import Folder
from embedded_runner.model import Run


async def deliver(cornflow: Cornflow, run: Run, folder: Folder) -> None:
    """Checks of instance and case, the result, files.

    The result comes after the checks, unlike a DAG's: it makes the execution's state final, and who
    waited for that finds the checks there. Files come last: a new result makes earlier ones outdated.
    """
    outcome, task = folder.outcome(), folder.task()
    assert outcome is not None
    if folder.instance_checks.exists():
        await cornflow.write_instance_checks(outcome.instance, await _read(folder.instance_checks))
    if task.case is not None:
        await cornflow.write_case_checks(task.case, await _read(folder.case_checks))
    await cornflow.write_result(run.execution, await _read(folder.result))
    if outcome.files_status:
        archive = await _read(folder.files) if folder.files.exists() else None
        await cornflow.write_files(run.execution, outcome.files_status, archive)


def closing_log(run: Run, folder: Folder) -> str:
    """Why the run has no result, then what its worker printed."""
    parts = [f"{run.reason[:1].upper()}{run.reason[1:]}."]
    output = folder.output_tail().strip()
    if output:
        parts += ["", "Output of the solver process:", output]
    return "\n".join(parts)


async def _read(file: Path) -> bytes:
    return await asyncio.to_thread(file.read_bytes)
