"""What large documents do to a process: pauses of its garbage collector, and memory that it keeps."""

import ctypes
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_paused = 0


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage collection in this process, for as long as it takes to build a document.

    Millions of values that are built at once make the collector look at all of them again and again, with
    the interpreter's lock in its hand: four fifths of the time. What JSON makes has no cycles.
    """
    global _paused
    with _lock:
        if _paused == 0:
            gc.disable()
        _paused += 1
    try:
        yield
    finally:
        with _lock:
            _paused -= 1
            if _paused == 0:
                gc.enable()


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
