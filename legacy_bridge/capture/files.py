"""Rotating files of JSON lines, one series per worker, the oldest of all removed when there are too many."""

import contextlib
import fcntl
import gzip
import os
import secrets
import time
from pathlib import Path
from typing import Any

from parity_core.capture.record import PREFIX, SUFFIXES, header_line


class CaptureFiles:
    """Only the writer's thread uses it. Raises OSError when the disk says no."""

    def __init__(
        self, folder: Path, size: int, most: int, compress: bool, facts: dict[str, Any]
    ) -> None:
        self._folder = folder
        self._size = size
        self._most = most
        self._compress = compress
        self._facts = facts
        # replicas may share the folder, and have equal process numbers
        self._name = "-".join(
            (time.strftime("%Y%m%dT%H%M%S", time.gmtime()), str(os.getpid()), secrets.token_hex(3))
        )
        self._number = 0
        self._handle = -1
        self._stream: _Gzip | None = None
        self._in_file = 0
        self._is_firm = True
        self.removed = 0
        # a folder that can't be written shows now, not with the first request
        self._open()

    def write(self, line: str) -> None:
        """A line without compression is with the system when this returns, and outlives the process."""
        if self._handle < 0:
            self._open()
        data = line.encode(errors="backslashreplace")
        if self._stream is None:
            before = os.lseek(self._handle, 0, os.SEEK_CUR)
            try:
                _write_all(self._handle, data)
            except OSError:
                # no half of a line stays behind
                with contextlib.suppress(OSError):
                    os.ftruncate(self._handle, before)
                raise
        else:
            self._stream.write(data)
            self._is_firm = False
        self._in_file += len(data)
        if self._in_file >= self._size:
            self.close()

    def firm(self) -> None:
        """Writes out what the compression holds back."""
        if self._stream is not None and not self._is_firm:
            self._stream.flush()
            self._is_firm = True

    def close(self) -> None:
        stream, handle = self._stream, self._handle
        self._stream, self._handle, self._in_file = None, -1, 0
        try:
            if stream is not None:
                stream.close()
        finally:
            if handle >= 0:
                os.close(handle)

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self.close()

    def _open(self) -> None:
        self._number += 1
        suffix = SUFFIXES[1] if self._compress else SUFFIXES[0]
        name = f"{PREFIX}{self._name}-{self._number:05}{suffix}"
        handle = os.open(
            self._folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600
        )
        self._handle = handle
        # held until the file is closed or the process is gone: nobody removes it meanwhile
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if self._compress:
            file = os.fdopen(os.dup(handle), "wb", buffering=0)
            self._stream = _Gzip(file)
        facts = {"started": time.time(), "worker": os.getpid(), **self._facts}
        data = header_line(**facts).encode()
        if self._stream is None:
            _write_all(handle, data)
        else:
            self._stream.write(data)
            self._stream.flush()
        self._remove_oldest()

    def _remove_oldest(self) -> None:
        dated_files: list[tuple[float, Path]] = []
        for path in self._folder.glob(f"{PREFIX}*"):
            if path.name.endswith(SUFFIXES):
                # another worker may be removing it
                with contextlib.suppress(FileNotFoundError):
                    dated_files.append((path.stat().st_mtime, path))
        too_many = len(dated_files) - self._most
        for _, path in sorted(dated_files):
            if too_many <= 0:
                return
            if _is_free(path):
                too_many -= 1
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                    self.removed += 1


class _Gzip(gzip.GzipFile):
    """Closes the file it writes to, which GzipFile leaves open."""

    def __init__(self, file: Any) -> None:
        super().__init__(fileobj=file, mode="wb", compresslevel=5)
        self._file = file

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._file.close()


def _is_free(path: Path) -> bool:
    """No worker writes to it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
