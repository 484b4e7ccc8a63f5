"""A disk that can be full: a small tmpfs where this process may mount one, else a limit of file sizes."""

import contextlib
import os
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

MEGABYTES = 700
"""Of the tmpfs: the database's files, and room for what is written before it is full."""
_FILLER = "filler"
_PIECE = bytes(1 << 20)


class Disk(Protocol):
    """`how` says in words what was done."""

    how: str

    def fill(self) -> None: ...

    def free(self) -> None: ...


class SmallDisk:
    """All files of the drill are on it."""

    how = (
        f"a tmpfs of {MEGABYTES} MB that holds database, spool and files is filled to its last byte"
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        with contextlib.suppress(OSError), (self.folder / _FILLER).open("wb", buffering=0) as file:
            while True:
                file.write(_PIECE)

    def free(self) -> None:
        (self.folder / _FILLER).unlink(missing_ok=True)


class LimitedFiles:
    """RLIMIT_FSIZE of the processes that write the database: no file grows beyond `limit` bytes."""

    def __init__(self, processes: Callable[[], list[int]], limit: Callable[[], int]) -> None:
        self._processes = processes
        self._limit = limit
        self.how = (
            "no tmpfs may be mounted here, so files of the database may not grow (RLIMIT_FSIZE)"
        )

    def fill(self) -> None:
        self._set(self._limit())

    def free(self) -> None:
        self._set(resource.RLIM_INFINITY)

    def _set(self, soft: int) -> None:
        for pid in self._processes():
            # ended meanwhile, or of another user
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))


@contextmanager
def small_disk() -> Iterator[SmallDisk | None]:
    """None where it can't be mounted: only root may, and not in every container."""
    if os.geteuid() != 0:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        words = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", name]
        try:
            subprocess.run(words, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            yield None
            return
        try:
            yield SmallDisk(Path(name))
        finally:
            # lazily: a process that is ending may have files open
            subprocess.run(["umount", "--lazy", name], check=False, capture_output=True)
