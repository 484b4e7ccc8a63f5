"""Groups of processes that must not outlive this one, told to a process that notices its end (`keeper.py`)."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

_KEEPER = Path(__file__).with_name("keeper.py")
_lock = threading.Lock()
_keeper: list[subprocess.Popen[bytes]] = []


def keep(group: int) -> None:
    """The group, by its leader, is stopped when this process ends without having done so."""
    _write(f"+{group}\n")


def release(group: int) -> None:
    _write(f"-{group}\n")


def _write(line: str) -> None:
    with _lock:
        if not _keeper:
            _keeper.append(_start())
        pipe = _keeper[0].stdin
        assert pipe is not None
        # without a keeper everything goes on: only `kill -9` would leave something
        with contextlib.suppress(OSError):
            pipe.write(line.encode())
            pipe.flush()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_KEEPER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
