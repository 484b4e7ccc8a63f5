"""Starts programs: forked from a process that has their imports, or else by a new interpreter."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from parity_core import private
from parity_tests.stage.prefork.keeping import keep, release
from parity_tests.stage.prefork.pool import Program, pool
from parity_tests.stage.prefork.process import StartedProcess


def started(program: Program, folder: Path, log: Path) -> StartedProcess:
    """Runs in the folder, in a group of its own; OSError when there is no such program.

    The log is begun anew. Whoever stops the process calls `keeping.release`.
    """
    with private.open_file(log, "wb") as output:
        forked = pool.start(program, folder, log)
        if forked is not None:
            return forked
        process = subprocess.Popen(
            program.command,
            env=dict(program.environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    keep(process.pid)
    return process


def finished(program: Program, timeout: float) -> tuple[int, str]:
    """Runs the program to its end, in this process's folder: its exit code, and what it has printed.

    OSError when there is no such program, subprocess.TimeoutExpired when it takes longer.
    """
    with tempfile.TemporaryDirectory(prefix="parity-") as place:
        log = Path(place) / "output"
        process = started(program, Path.cwd(), log)
        try:
            code = process.wait(timeout)
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            release(process.pid)
        return code, log.read_text(errors="replace")
