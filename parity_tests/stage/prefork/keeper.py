"""Ends processes whose parent is gone, however it went: `kill -9` leaves nothing that could do so itself.

Run by its path, standard library only. It reads lines from its parent, `+GROUP` and `-GROUP`: groups of processes that
run and that have ended. When there is nothing more to read it stops those that are left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

_STOP_SECONDS = 5.0


def main() -> None:
    # an interruption is for the parent, which stops everything itself
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_SECONDS
        while groups and time.monotonic() < deadline:
            groups = {group for group in groups if _signalled(group, sign)}
            time.sleep(0.1)


def _signalled(group: int, sign: signal.Signals) -> bool:
    """False when there is no such group any more."""
    with contextlib.suppress(OSError):
        os.killpg(group, sign)
        return True
    return False


if __name__ == "__main__":
    main()
