"""Reads capture files as one stream, in the order in which the exchanges ended. Constant memory."""

from __future__ import annotations

import gzip
import hashlib
import heapq
import json
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from parity_core.capture.record import SUFFIXES, FormatError, Recorded, from_line
from parity_core.model import ParityError

_SLACK = 30.0
"""Seconds that an exchange may have waited before its file was begun."""
_REPORTED = 5
"""Unreadable lines that are told one by one."""


@dataclass(frozen=True)
class CaptureFile:
    path: Path
    started: float
    """Seconds since the epoch; nothing in the file ended before."""


@dataclass
class CaptureReader:
    """Files of one or several workers; what could not be read is in `problems` once it was tried."""

    files: Sequence[CaptureFile]
    problems: list[str] = field(default_factory=list)
    lost: int = 0
    """Lines that could not be read."""

    @property
    def digest(self) -> str:
        """Changes when the files do: a replay that goes on must find what it left."""
        sizes = [f"{file.path.name}:{file.path.stat().st_size}" for file in self.files]
        return hashlib.sha256("\n".join(sizes).encode()).hexdigest()

    def __iter__(self) -> Iterator[Recorded]:
        """Several workers' files side by side; a file is opened when its time has come."""
        self.problems.clear()
        self.lost = 0
        waiting = deque(self.files)
        heap: list[tuple[float, int, Recorded, Iterator[Recorded]]] = []
        number = 0
        while waiting or heap:
            while waiting and (not heap or waiting[0].started - _SLACK <= heap[0][0]):
                lines = self._lines(waiting.popleft().path)
                first = next(lines, None)
                if first is not None:
                    number += 1
                    heapq.heappush(heap, (first.ended, number, first, lines))
            if not heap:
                continue
            _, place, one, lines = heap[0]
            following = next(lines, None)
            if following is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (following.ended, place, following, lines))
            yield one

    def _lines(self, path: Path) -> Iterator[Recorded]:
        try:
            with _opened(path) as file:
                for number, line in enumerate(file, 1):
                    try:
                        one = from_line(line, f"{path.name}:{number}")
                    except FormatError as error:
                        self._lose(path, number, line, error)
                        continue
                    if one is not None:
                        yield one
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self.problems.append(f"{path.name} ends in the middle: its process was killed")
        except OSError as error:
            raise ParityError(f"{path} can not be read: {error}") from None

    def _lose(self, path: Path, number: int, line: bytes, error: FormatError) -> None:
        self.lost += 1
        if not line.endswith(b"\n"):
            self.problems.append(f"{path.name}:{number} is cut short: its process was killed")
        elif self.lost <= _REPORTED:
            self.problems.append(f"{error} (left out)")


def open_capture(paths: Sequence[Path]) -> CaptureReader:
    """Files, and folders with files. Raises ParityError when there is none."""
    capture_paths: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.name.endswith(SUFFIXES))
            if not inside:
                raise ParityError(f"there is no capture in {path}: it has no *.jsonl or *.jsonl.gz")
            capture_paths += inside
        elif path.suffix == ".har":
            raise ParityError(
                f"{path} is what a browser saves, not a capture yet: `parity capture import {path} -o DIR` "
                "makes one, and `parity replay DIR` replays it"
            )
        elif path.exists():
            capture_paths.append(path)
        else:
            raise ParityError(f"there is no capture {path}")
    files = [CaptureFile(path, _started(path)) for path in dict.fromkeys(capture_paths)]
    return CaptureReader(sorted(files, key=lambda file: (file.started, file.path.name)))


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def _started(path: Path) -> float:
    try:
        with _opened(path) as file:
            first = json.loads(file.readline())
    except (OSError, EOFError, ValueError, zlib.error):
        # cut before its first line was whole: reading it says so
        return 0.0
    if not isinstance(first, dict) or "capture" not in first:
        raise ParityError(f'{path} is no capture: its first line should begin with {{"capture": 1')
    return float(first.get("started") or 0.0)
