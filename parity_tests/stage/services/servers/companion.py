"""A server that needs its stack's address: started when the stack is up, again when that moves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from parity_core.model import ParityError
from parity_tests.stage.prefork.keeping import keep, release
from parity_tests.stage.process import free_port, tail

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class Companion:
    """`command` serves; `ready` are commands to run once, when it and the stack are up.

    In both, `{python}`, `{port}`, `{folder}` and `{origin}` (of the stack) are filled in; in the
    environment, its own `{url}`.
    """

    def __init__(
        self,
        command: Sequence[str],
        ready: Sequence[Sequence[str]],
        health: str,
        environment: Mapping[str, str],
        pythonpath: Sequence[Path],
        folder: Path,
    ) -> None:
        self.port = free_port()
        self._command, self._ready, self._health = command, ready, health
        paths = [*map(str, pythonpath), os.environ.get("PYTHONPATH", "")]
        self._environment = {
            **os.environ,
            **{name: value.format(url=self.url) for name, value in environment.items()},
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        self._folder = folder / f"companion-{self.port}"
        self._folder.mkdir(parents=True)
        self._log = self._folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._origin = ""
        self._is_ready = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, origin: str) -> None:
        """Starts for the stack at this origin; does nothing when it serves that one already."""
        if origin == self._origin:
            return
        self.stop()
        self._origin = origin
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._words(self._command),
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        keep(self._process.pid)
        self._wait()
        if not self._is_ready:
            for words in self._ready:
                self._run(words)
            self._is_ready = True

    def stop(self) -> None:
        """May be called again."""
        process, self._process, self._origin = self._process, None, ""
        if process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, sign)
                process.wait(_STOP_SECONDS)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        release(process.pid)

    def _words(self, words: Sequence[str]) -> list[str]:
        values = {
            "python": sys.executable,
            "port": str(self.port),
            "folder": str(self._folder),
            "origin": self._origin,
        }
        return [word.format(**values) for word in words]

    def _run(self, words: Sequence[str]) -> None:
        done = subprocess.run(
            self._words(words),
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise ParityError(f"`{' '.join(words)}` failed: {done.stderr or done.stdout}")

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self._process.poll() is not None or time.monotonic() > deadline:
                command = " ".join(self._command)
                self.stop()
                raise ParityError(f"`{command}` is not up; the end of its log:\n{tail(self._log)}")
            try:
                reply = httpx.get(self.url + self._health, timeout=5, trust_env=False)
                if reply.status_code < 400:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
