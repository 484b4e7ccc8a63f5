"""One fork server: the process that has imported modules, as its parent knows it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity_tests.stage.prefork.keeping import keep, release
from parity_tests.stage.prefork.process import ForkedProcess

_SERVER = Path(__file__).with_name("server.py")
_PATIENCE = 120.0
"""Seconds in which it must have imported everything."""
_STOP_SECONDS = 15.0


class NotForked(Exception):
    """Why it was not; `stale` when a server that imports anew would do it."""

    def __init__(self, why: str, *, stale: bool = False) -> None:
        super().__init__(why)
        self.stale = stale


@dataclass(frozen=True)
class Order:
    """`python -m MODULE ARGUMENTS`, and where and with what it runs."""

    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    paths: tuple[Path, ...]
    """What goes before the PYTHONPATH of the imports."""
    folder: Path
    log: Path
    """Its output is added to this file."""


class ForkServer:
    def __init__(self, python: str, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts it, without waiting for its imports. OSError when there is no such interpreter."""
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        try:
            self._process = subprocess.Popen(
                [python, str(_SERVER), str(orders), str(answers), *modules],
                env=dict(environment),
                cwd=tempfile.gettempdir(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(orders, answers),
            )
        except BaseException:
            os.close(self._orders)
            os.close(self._answers)
            raise
        finally:
            os.close(orders)
            os.close(answers)
        keep(self._process.pid)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[Order, Future[ForkedProcess]]] = {}
        self._running: dict[int, ForkedProcess] = {}
        self._is_open = True
        self.unfit = ""
        """Why nothing can be forked from it; it stays so."""
        self._reader = threading.Thread(target=self._read, name="parity-prefork", daemon=True)
        self._reader.start()

    @property
    def is_idle(self) -> bool:
        with self._lock:
            return not self._running and not self._waiting

    def start(self, order: Order) -> ForkedProcess:
        """Raises NotForked."""
        future: Future[ForkedProcess] = Future()
        with self._lock:
            if self.unfit or not self._is_open:
                raise NotForked(self.unfit or "its server is gone")
            number = next(self._numbers)
            self._waiting[number] = (order, future)
            line = json.dumps(
                {
                    "id": number,
                    "module": order.module,
                    "arguments": order.arguments,
                    "environment": dict(order.environment),
                    "paths": [str(path) for path in order.paths],
                    "folder": str(order.folder),
                    "log": str(order.log),
                }
            )
            self._send(line.encode() + b"\n")
        try:
            return future.result(_PATIENCE)
        except NoAnswer:
            self.close()
            raise NotForked("its server does not answer") from None

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._orders, data) :]

    def _read(self) -> None:
        with os.fdopen(self._answers, "rb") as lines:
            for line in lines:
                self._take(json.loads(line))
        # whatever it had forked would go on without anybody who hears of its end
        with self._lock:
            self._is_open = False
            waiting, self._waiting = self._waiting, {}
            running, self._running = self._running, {}
        for _, future in waiting.values():
            future.set_exception(NotForked(self.unfit or "its server is gone"))
        for pid, process in running.items():
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
            release(pid)
            process.end(-signal.SIGKILL)

    def _take(self, answer: dict[str, Any]) -> None:
        if "fit" in answer:
            self.unfit = answer["fit"] or ""
        elif "ended" in answer:
            with self._lock:
                process = self._running.pop(answer["ended"])
            release(process.pid)
            process.end(answer["code"])
        else:
            with self._lock:
                order, future = self._waiting.pop(answer["id"])
                if "pid" in answer:
                    command = ["python", "-m", order.module, *order.arguments]
                    process = ForkedProcess(answer["pid"], command)
                    self._running[process.pid] = process
            if "pid" in answer:
                keep(process.pid)
                future.set_result(process)
            else:
                future.set_exception(NotForked(answer["refused"], stale=answer["stale"]))

    def close(self) -> None:
        """It ends, and what it has forked; may be called again."""
        with self._lock:
            if self._orders >= 0:
                os.close(self._orders)
                self._orders = -1
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        release(self._process.pid)
