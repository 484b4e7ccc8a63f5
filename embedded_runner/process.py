"""A worker process: started in a session of its own, ended with all that it started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from embedded_runner.environment import child_environment
from embedded_runner.folder import Folder

_GRACE = 1.0
"""Seconds between asking a worker to end and ending it."""
_MODULE = "embedded_runner.worker"


class Worker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, folder: Folder) -> Worker:
        # A program of its own, not a multiprocessing child: everything it ever prints is in the log,
        # also what a crashing interpreter says, and ending its group ends external solvers too.
        with folder.output.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                _MODULE,
                str(folder.path),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=folder.path,
                env=child_environment(folder.temporary),
                start_new_session=True,
            )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self, limit: float) -> int | None:
        """Its exit code, negative for a signal; None when the limit (seconds) passed before."""
        try:
            return await asyncio.wait_for(self._process.wait(), limit)
        except TimeoutError:
            return None

    async def end(self) -> None:
        """Ends the process and its whole group; returns when it is gone."""
        if self._process.returncode is None:
            _signal_group(self.pid, signal.SIGTERM)
            await self.wait(_GRACE)
        # also when it ended by itself: solvers it started may still run
        _signal_group(self.pid, signal.SIGKILL)
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _signal_group(group: int, sign: signal.Signals) -> None:
    try:
        os.killpg(group, sign)
    except (ProcessLookupError, PermissionError):
        # macOS says "not permitted" of a group whose last member is a zombie
        return


def end_orphan(pid: int, folder: Folder) -> bool:
    """Ends a worker that outlived its runner; False when that pid is none, or somebody else's now.

    A worker ends itself with its runner; this is for one that could not, deep in a solver's code.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    if _MODULE not in words or str(folder.path) not in words:
        return False
    _signal_group(pid, signal.SIGKILL)
    return True


def describe_exit(code: int) -> str:
    """Why a worker that left no outcome is gone, in words."""
    if code >= 0:
        return f"the solver process ended with exit code {code} before it had a result"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = {
        "SIGKILL": "; the machine may have run out of memory, or somebody ended it",
        "SIGSEGV": "; the solver crashed",
        "SIGABRT": "; the solver gave up",
    }.get(name, "")
    return f"the solver process was ended by {name} before it had a result{hint}"
