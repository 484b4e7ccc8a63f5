"""Exit codes of every command: 0 same, 1 different, 2 could not run."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command ends with: 1 says that the stacks differ, and nothing else does."""

    SAME = 0
    DIFFERENT = 1
    COULD_NOT_RUN = 2
