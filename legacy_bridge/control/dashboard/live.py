"""What the page shows, made once a second for all who look, and only while somebody does."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from legacy_bridge.control.dashboard.progress import overview_of
from legacy_bridge.control.dashboard.stop_signals import StopSignals
from legacy_bridge.evidence.warden import Warden
from legacy_bridge.modes.ownership import Ownership

PERIOD = 1.0
_LOOKS = 5
"""How often in a period one looks whether somebody has changed something."""
_ASKED = 2.0
"""Seconds after which one asks again whether who looks still may: a log-out ends the stream, too."""
_ALIVE = 15.0
"""Seconds after which something is said, though nothing is new."""


class Live:
    """Snapshots of one worker."""

    def __init__(self, ownership: Ownership, warden: Warden) -> None:
        self._ownership = ownership
        self._warden = warden
        self._made: tuple[float, str, str] = (0.0, "", "")
        self._revision = -1
        self._signals = StopSignals()

    def startup(self) -> None:
        """Streams end when the server is asked to stop: it would wait for them."""
        self._signals.watch()

    def shutdown(self) -> None:
        self._signals.forget()

    def snapshot(self) -> tuple[str, str]:
        """JSON, and what tells one from another."""
        at, text, version = self._made
        now = time.monotonic()
        revision = self._ownership.stored.revision
        if now - at >= PERIOD / 2 or revision != self._revision:
            self._revision = revision
            overview = overview_of(self._ownership, self._warden)
            # What only counts seconds is no news.
            timeless: dict[str, Any] = overview | {"evidence_lag": overview["evidence_lag"] > 5}
            timeless["ramps"] = [one | {"step_seconds": None} for one in overview["ramps"]]
            version = hashlib.blake2b(json.dumps(timeless).encode(), digest_size=8).hexdigest()
            text = json.dumps(overview, separators=(",", ":"))
            self._made = now, text, version
        return text, version

    async def stream(self, still_allowed: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """Server-sent events: `overview` whenever it is new, `bye` when the session is over."""
        last, told_at, asked_at = "", 0.0, time.monotonic()
        yield b"retry: 2000\n\n"
        while not self._signals.stopping:
            now = time.monotonic()
            if now - asked_at >= _ASKED:
                asked_at = now
                if not await still_allowed():
                    yield b"event: bye\ndata: {}\n\n"
                    return
            text, version = self.snapshot()
            if version != last or now - told_at >= _ALIVE:
                last, told_at = version, now
                yield f"event: overview\ndata: {text}\n\n".encode()
            await self._pause()

    async def _pause(self) -> None:
        """A change of an operator is shown at once, what is counted once a period."""
        before = self._ownership.stored.revision
        for _ in range(_LOOKS):
            await asyncio.sleep(PERIOD / _LOOKS)
            if self._ownership.stored.revision != before:
                return
