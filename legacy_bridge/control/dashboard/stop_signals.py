"""Whether this process was asked to stop, whichever server runs in it.

ASGI says so only when all requests have ended, and a stream of events never ends by itself.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_STOP = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Listens before the server's own handlers, which are called as they would have been."""

    def __init__(self) -> None:
        self.stopping = False
        self._before: dict[int, Any] = {}
        self._ours: dict[int, Callable[[int, FrameType | None], None]] = {}

    def watch(self) -> None:
        """From now on. In another thread than the main one no signal is ever seen: nothing is done."""
        self.stopping = False
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _STOP:
            before = signal.getsignal(number)
            if callable(before):
                self._before[number] = before
                self._ours[number] = self._handler(before)
                signal.signal(number, self._ours[number])

    def forget(self) -> None:
        """Puts the handlers back, where nobody has put others since."""
        for number, before in self._before.items():
            if signal.getsignal(number) is self._ours[number]:
                signal.signal(number, before)
        self._before.clear()
        self._ours.clear()

    def _handler(self, before: Callable[[int, FrameType | None], Any]) -> Callable[..., None]:
        def stop(number: int, frame: FrameType | None) -> None:
            self.stopping = True
            before(number, frame)

        return stop
