"""Starts a target as a process, waits until it is up, keeps its log, stops it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import httpx

from parity_core import private
from parity_core.model import ParityError, Side
from parity_tests.stage.prefork.keeping import release
from parity_tests.stage.prefork.pool import Program
from parity_tests.stage.prefork.start import started

_TAIL = 40
"""Lines of a log that are shown when its process fails."""
_OURS = (12_000, 32_000)
_TRIES = 200
_ANY = random.SystemRandom()
"""Not the shared one: whoever seeds that would have two runs take the same ports."""
_issued: deque[int] = deque(maxlen=1000)
_claims: deque[socket.socket] = deque()
_MOST_CLAIMS = 64


class StackError(ParityError):
    """A stack did not start, or died; the message holds the end of its log."""


class StackProcess(Protocol):
    @property
    def side(self) -> Side: ...

    @property
    def origin(self) -> str: ...

    def check(self) -> None:
        """Raises StackError when the stack is gone."""

    def stop(self) -> None: ...


def free_port() -> int:
    """A port that nobody listens on, for a server that starts a little later.

    Below those that systems hand out themselves: one of them may be given to another server, or to an
    outgoing connection, before ours takes it. Then a stand-in answers in a stack's place.
    """
    for _ in range(_TRIES):
        port = _ANY.randrange(*_OURS)
        if port in _issued or not _claim(port):
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _issued.append(port)
            return port
    raise ParityError("no free port was found on 127.0.0.1; stop what listens there")


def _claim(port: int) -> bool:
    """False when another process of ours has this port for a server that has not started yet.

    The claim is a name that only Linux has: it needs no file, and goes with the process.
    """
    if sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0parity-tests-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    if len(_claims) > _MOST_CLAIMS:
        _claims.popleft().close()
    return True


def tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-_TAIL:]) or "(its log is empty)"


@dataclass(frozen=True)
class RunningStack:
    """A stack that somebody else started."""

    side: Side
    url: str

    @property
    def origin(self) -> str:
        return self.url.rstrip("/")

    def check(self) -> None:
        try:
            httpx.get(self.origin, timeout=10, trust_env=False)
        except httpx.HTTPError as error:
            raise StackError(
                f"the {self.side} stack at {self.url} does not answer: {error}"
            ) from None

    def stop(self) -> None:
        """Not ours to stop."""


class ProcessStack:
    """A stack that this process started, in a session of its own so that its workers stop with it."""

    def __init__(
        self,
        side: Side,
        command: Sequence[str],
        environment: Mapping[str, str],
        port: int,
        folder: Path,
        health: str,
        timeout: float,
        preload: tuple[str, ...] = (),
        paths: tuple[Path, ...] = (),
    ) -> None:
        """`preload` are modules that a fork server may import ahead, `paths` folders that only this start has."""
        self.side = side
        self.port = port
        self.log = folder / f"{side}-{port}.log"
        self.folder = folder / f"{side}-{port}"
        # a port that was free may be one that a stopped stack had
        private.make_folder(self.folder)
        self._health = health
        self._timeout = timeout
        self._command = command
        program = Program(command, environment, paths, preload)
        try:
            self._process = started(program, self.folder, self.log)
        except OSError as error:
            raise StackError(f"the {side} stack could not be started: {error}") from None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Returns once the health path answers below 500."""
        deadline = time.monotonic() + self._timeout
        pause = 0.05
        with httpx.Client(base_url=self.origin, timeout=10, trust_env=False) as client:
            while True:
                self.check()
                try:
                    reply = client.get(self._health)
                    if reply.status_code < 500:
                        return
                    last = f"{self._health} answers {reply.status_code}: {reply.text[:300]}"
                except httpx.HTTPError as error:
                    last = f"{self._health} does not answer: {error}"
                if time.monotonic() > deadline:
                    self.stop()
                    raise StackError(
                        f"the {self.side} stack was not up after {self._timeout:.0f} s; {last}\n"
                        f"{self._story()}"
                    )
                time.sleep(pause)
                pause = min(pause * 1.3, 0.5)

    def check(self) -> None:
        code = self._process.poll()
        if code is not None:
            raise StackError(f"the {self.side} stack ended with exit code {code}\n{self._story()}")

    def _story(self) -> str:
        return f"command: {' '.join(self._command)}\nend of its log ({self.log}):\n{tail(self.log)}"

    def stop(self) -> None:
        self._stop()
        release(self._process.pid)

    def _stop(self) -> None:
        for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(self._process.pid, sign)
            except ProcessLookupError:
                break
            try:
                self._process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
