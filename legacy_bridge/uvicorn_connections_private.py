"""What clients may do to uvicorn's connections: a time for heads and for bodies, and a number of connections.

uvicorn has neither. The same file is in the port and in `legacy_bridge`, which share no code: the one must
run without the other. `tests/test_slow_clients.py` keeps the two alike, and says what of uvicorn a new version
broke: the protocol's arguments, its `cycle` and its `flow`.
"""

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.auto import AutoHTTPProtocol

BODY_RATE = 500.0
"""Bytes in a second that a body must bring in the long run, once its first seconds are over."""

_ENOUGH = 10_000
"""Connections of one process, however many files it may open."""
_FEW = 16
_HEAD_PATIENCE = 1.0
_BODY_PATIENCE = 10.0
"""Seconds after which a slow client has to make room for another when there is none."""
_LAST_WORDS = 2.0
"""Seconds for a client to read why it is refused."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`connections`: of one process, with those that wait for a request."""

    head_seconds: float
    body_seconds: float
    connections: int

    @property
    def refusals(self) -> int:
        """Connections besides, that are told why they are refused."""
        return max(_FEW, self.connections // 8)


def connections_below_file_limit(share: float) -> int:
    """So many that a `share` of the files this process may open (`ulimit -n`) is theirs."""
    try:
        import resource

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except (ImportError, ValueError, OSError):
        return _ENOUGH
    # RLIM_INFINITY is -1
    return _ENOUGH if files < 0 else max(_FEW, min(_ENOUGH, int(files * share)))


def limited(limits: ConnectionLimits) -> Any:
    """For uvicorn's `http=`. Can be sent to worker processes."""
    return partial(LimitedConnection, limits=limits)


class _Phase(Enum):
    HEAD = "head"
    BODY = "body"
    REPLY = "reply"


class _Clients:
    """All connections of one server, in the order of their coming."""

    def __init__(self, limits: ConnectionLimits, loop: asyncio.AbstractEventLoop) -> None:
        self.limits = limits
        self.open: dict[LimitedConnection, None] = {}
        self.refused: set[LimitedConnection] = set()
        self.counts: Counter[str] = Counter()
        self._loop = loop
        self._period = min(1.0, limits.head_seconds / 4, limits.body_seconds / 4)
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._period, self._sweep)

    def make_room(self) -> bool:
        """Whether there is room for one more, if need be that of a client who keeps us waiting."""
        if len(self.open) < self.limits.connections:
            return True
        now = time.monotonic()
        for connection in self.open:
            if connection.keeps_waiting(now):
                self.counts["cut off to make room for others"] += 1
                connection.time_out()
                return True
        return False

    def _sweep(self) -> None:
        self._timer = None
        now = time.monotonic()
        for connection in list(self.open):
            if connection.is_too_slow(now):
                self.counts["too slow"] += 1
                connection.time_out()
        for connection in list(self.refused):
            connection.end_refusal(now)
        if self.counts:
            shown = ", ".join(f"{count} {what}" for what, count in self.counts.items())
            _log.warning("connections: %s", shown)
            self.counts.clear()
        if self.open or self.refused:
            self.begin()


_servers: WeakKeyDictionary[Any, _Clients] = WeakKeyDictionary()
"""By uvicorn's state of a server, which its connections share."""


class LimitedConnection(asyncio.Protocol):
    """Stands between a connection and uvicorn's protocol, which does all the work."""

    def __init__(
        self,
        *,
        limits: ConnectionLimits,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        loop = _loop or asyncio.get_running_loop()
        known = _servers.get(server_state)
        self._clients = known or _servers.setdefault(server_state, _Clients(limits, loop))
        self._limits = limits
        self._inner: Any = AutoHTTPProtocol(
            config=config,  # type: ignore[call-arg]  # it is declared as any protocol
            server_state=server_state,
            app_state=app_state,
            _loop=_loop,
        )
        self._transport: Any = None
        self._refused_at: float | None = None
        self._place: tuple[Any, _Phase] = (None, _Phase.HEAD)
        self._since = time.monotonic()
        self._received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._since = time.monotonic()
        if self._clients.make_room():
            self._clients.open[self] = None
            self._inner.connection_made(transport)
        else:
            self._clients.counts["refused, there were too many"] += 1
            self._refused_at = self._since
            if len(self._clients.refused) >= self._limits.refusals:
                self._transport.abort()
                return
            self._clients.refused.add(self)
        self._clients.begin()

    def data_received(self, data: bytes) -> None:
        if self._refused_at is None:
            self._received += len(data)
            self._inner.data_received(data)
        elif self._received == 0:
            # An answer before the request has come could get lost with the closed connection.
            self._received = len(data)
            self._transport.write(_NO_ROOM)
            if self._transport.can_write_eof():
                self._transport.write_eof()

    def eof_received(self) -> bool | None:
        if self._refused_at is not None:
            return False
        kept: bool | None = self._inner.eof_received()
        return kept

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.open.pop(self, None)
        self._clients.refused.discard(self)
        if self._refused_at is None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._refused_at is None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._refused_at is None:
            self._inner.resume_writing()

    def is_too_slow(self, now: float) -> bool:
        """Whether the head, or the body, has taken longer than it may."""
        phase = self._look(now)
        taken = now - self._since
        if phase is _Phase.HEAD:
            return taken > self._limits.head_seconds
        return phase is _Phase.BODY and (
            taken > self._limits.body_seconds + self._received / BODY_RATE
        )

    def keeps_waiting(self, now: float) -> bool:
        """Whether it has to go when there is no room for others."""
        phase = self._look(now)
        taken = now - self._since
        if phase is _Phase.HEAD:
            return taken > _HEAD_PATIENCE
        return phase is _Phase.BODY and taken > _BODY_PATIENCE + self._received / BODY_RATE

    def _look(self, now: float) -> _Phase:
        """What is waited for. The clock starts again with each phase, and while nobody waits for the client."""
        cycle = self._inner.cycle
        if self._transport.get_protocol() is not self:
            # it is a web socket now
            phase = _Phase.REPLY
        elif cycle is None or cycle.response_complete:
            phase = _Phase.HEAD
        elif cycle.more_body:
            phase = _Phase.BODY
        else:
            phase = _Phase.REPLY
        rests = phase is _Phase.BODY and (
            self._inner.flow.read_paused or cycle.waiting_for_100_continue
        )
        if rests or self._place != (cycle, phase):
            self._place, self._since, self._received = (cycle, phase), now, 0
        return phase

    def time_out(self) -> None:
        """The client gets a 408 if it has begun to ask and got no status; the application sees that it has gone."""
        self._clients.open.pop(self, None)
        cycle = self._inner.cycle
        waits_for_reply = self._received > 0
        if cycle is not None and not cycle.response_complete:
            waits_for_reply = not cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
        if waits_for_reply and not self._transport.is_closing():
            # Not on a connection that is kept open and quiet: there it would answer the next request.
            self._transport.write(_TOO_SLOW)
        self._transport.close()

    def end_refusal(self, now: float) -> None:
        assert self._refused_at is not None
        if now - self._refused_at > _LAST_WORDS:
            self._transport.abort()


def _reply(status: str, text: str, headers: str = "") -> bytes:
    body = f'{{"message": "{status}", "error": "{text}"}}'
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"{headers}connection: close\r\n\r\n{body}"
    ).encode()


_TOO_SLOW = _reply("408 Request Timeout", "The request did not arrive in time.")
_NO_ROOM = _reply(
    "503 Service Unavailable",
    "The server has no connection left. Please try again in a moment.",
    "retry-after: 5\r\n",
)
