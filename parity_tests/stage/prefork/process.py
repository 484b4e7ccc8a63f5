"""A process that a fork server made, as `subprocess.Popen` shows one."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from typing import Protocol


class StartedProcess(Protocol):
    """As much of `subprocess.Popen` as stacks need."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class ForkedProcess:
    """It leads a group of its own; its parent is the fork server, which reports its end."""

    def __init__(self, pid: int, command: Sequence[str]) -> None:
        self.pid = pid
        self._command = command
        self._code: int | None = None
        self._ended = threading.Event()

    def end(self, code: int) -> None:
        self._code = code
        self._ended.set()

    def poll(self) -> int | None:
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(list(self._command), timeout or 0)
        assert self._code is not None
        return self._code
