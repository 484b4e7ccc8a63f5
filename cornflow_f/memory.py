"""Memory that a large request has taken goes back to the system."""

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Nothing on a system whose allocator is not glibc's. Milliseconds; call it in a thread."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        # the parsed document's small pieces lie between others': freed, but kept by the allocator
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
