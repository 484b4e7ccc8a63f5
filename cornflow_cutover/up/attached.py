"""Programs that live as long as the process that started them, also when that one is killed.

Run as a file, it becomes a module given by name: `python attached.py MODULE WORD …`. It knows no other
module of this package, so that what it runs starts as fast as without it.
"""

import asyncio
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO

_GRACE = 15.0
"""Seconds a program has to end in good order, before it is ended."""


class Attached:
    """A module as a program of its own. It is not hit by the terminal's Ctrl-C: `stop` ends it."""

    def __init__(
        self,
        module: str,
        *words: str,
        environment: Mapping[str, str],
        output: IO[bytes] | None = None,
        nice: int = 0,
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(nice), module, *words],
            env=dict(environment),
            # Nobody writes to it. It closes with this process, however that ends.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    async def end(self) -> int:
        """Its exit code, once it has ended by itself."""
        while (code := self.code) is None:  # noqa: ASYNC110 - a thread less than waiting in one
            await asyncio.sleep(0.1)
        return code

    def stop(self) -> None:
        """Returns when it is gone."""
        if self.code is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _end_with_starter() -> None:
    # Unbuffered: a buffered reader is locked at the interpreter's end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


def _main(nice: int, module: str, words: list[str]) -> None:
    threading.Thread(target=_end_with_starter, daemon=True).start()
    if nice:
        os.nice(nice)
    # As `python -m` has it: this file's folder is no place to import from.
    sys.path[0] = os.getcwd()
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
