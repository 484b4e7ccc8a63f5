"""Processes of a drill as the system lists them: who is whose child, and what it runs. Needs /proc."""

import contextlib
from pathlib import Path

_PROC = Path("/proc")
WORKER = "multiprocessing.spawn"
COMPARER = "legacy_bridge.compare_process"


def descendants(pid: int, running: str = "") -> list[int]:
    """Ids of all processes below `pid` whose command line has the text `running`."""
    parents: dict[int, list[int]] = {}
    for one in _PROC.glob("[0-9]*"):
        # it may have ended meanwhile
        with contextlib.suppress(OSError, ValueError, IndexError):
            stat = (one / "stat").read_text()
            parent = int(stat[stat.rindex(")") + 2 :].split()[1])
            parents.setdefault(parent, []).append(int(one.name))
    below: list[int] = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        below += children
        waiting += children
    return [one for one in below if running in command_line(one)]


def command_line(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (OSError, ValueError):
        return ""


def is_there(pid: int) -> bool:
    """A zombie is not."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"
