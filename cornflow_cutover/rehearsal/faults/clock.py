"""A clock that jumps, for the bridge and its comparing processes: libfaketime, or a hook where there is none."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

_PLACES = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
    "/opt/homebrew/lib/faketime/libfaketimeMT.so.1",
)
HOOK = "REHEARSAL_CLOCK"
"""The environment variable that names the file with the hook's jump, in seconds."""


class JumpingClock:
    """`how`: which means it is. A jump reaches the processes that were started with `environment` in a second."""

    def __init__(self, file: Path, library: Path | None) -> None:
        self._file = file
        self._library = library
        if library is None:
            self.how = "a hook: time.time() of the bridge's processes, not datetime (libfaketime is not here)"
        else:
            self.how = (
                "libfaketime: the wall clock of the bridge's processes, not their monotonic one"
            )
        self.jump(0)

    @property
    def environment(self) -> Mapping[str, str]:
        if self._library is None:
            return {HOOK: str(self._file)}
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            # a jump of the wall clock leaves it alone
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, seconds: int) -> None:
        """From the true time."""
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}")
        draft.replace(self._file)


def library() -> Path | None:
    for pattern in _PLACES:
        for path in sorted(Path("/").glob(pattern.removeprefix("/"))):
            return path
    return None


def hook(file: Path) -> None:
    """Makes `time.time` of this process jump as the file says. Looks once a second."""
    true_time: Callable[[], float] = time.time
    looked, jump = 0.0, 0.0

    def jumped() -> float:
        nonlocal looked, jump
        now = true_time()
        if time.monotonic() - looked > 1:
            looked = time.monotonic()
            try:
                jump = float(file.read_text())
            except (OSError, ValueError):
                jump = 0.0
        return now + jump

    time.time = jumped
