"""One side of a comparison: its stack, its database and its services, and what it is asked."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from parity_core.model import Json, ParityError, Reply, Request, Side
from parity_tests.stage.process import StackProcess
from parity_tests.stage.rows.reader import RowReader
from parity_tests.stage.services.base import Service

_CONNECTING = 10.0
"""Seconds for which a request that could not be sent is tried again."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass
class World:
    """One side: its stack, its database, its services, and what its seeded users are known by."""

    side: Side
    stack: StackProcess
    reader: RowReader | None
    services: list[Service] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    """Of its database."""
    refused: dict[str, str] = field(default_factory=dict)
    """What a seeded user's log-in was answered instead, by the value that is unknown for it."""
    timeout: float = 60.0
    """Seconds that the stack has to answer."""
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(
            base_url=self.stack.origin,
            timeout=self.timeout,
            trust_env=False,
            # a connection for each request (0.1 ms): a stack that fails, or answers before it has read the
            # body, closes its own or reads the rest as another request, and the next one pays for it
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def send(self, request: Request) -> Reply:
        """Sends exactly these headers and this target; a reply that does not come is a Reply too.

        What was never sent is sent again; so is a safe request whose connection was cut, once.
        """
        deadline = time.monotonic() + _CONNECTING
        retries = 1 if request.method in _SAFE else 0
        while True:
            try:
                return self._send(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if time.monotonic() > deadline:
                    return self._none(error)
            except httpx.TimeoutException:
                self.stack.check()
                return Reply(None, error=f"no reply within {self.timeout:g} s", timed_out=True)
            except httpx.HTTPError as error:
                if not retries:
                    return self._none(error)
                retries -= 1
            self._settle()

    def _none(self, error: httpx.HTTPError) -> Reply:
        self._settle()
        return Reply(None, error=f"no reply: {type(error).__name__}")

    def _settle(self) -> None:
        """A process that dies closes its connections a moment before it is gone: StackError then."""
        for _ in range(3):
            self.stack.check()
            time.sleep(0.1)

    def _send(self, request: Request) -> Reply:
        try:
            sent = httpx.Request(
                request.method,
                self.stack.origin + "/",
                headers=[(name.encode(), value.encode()) for name, value in request.headers],
                content=request.body,
                extensions={
                    "target": request.target.encode(),
                    "timeout": httpx.Timeout(self.timeout).as_dict(),
                },
            )
            got = self.client.send(sent)
        except httpx.LocalProtocolError as error:
            raise ParityError(
                f"{request.method} {request.target} can not be sent: {error}"
            ) from None
        except httpx.DecodingError as error:
            return Reply(None, error=f"no readable reply: {error}")
        return Reply(got.status_code, tuple(got.headers.multi_items()), got.content)

    def effects(self) -> dict[str, list[Json]]:
        return {service.observation: service.sent() for service in self.services}

    def serve(self) -> None:
        """Tells the services that the stack is up; rows they write now are part of the seed."""
        for service in self.services:
            service.serve(self.stack.origin)

    def forget(self) -> None:
        for service in self.services:
            service.forget()

    def reset(self) -> None:
        for service in self.services:
            service.reset()

    def close(self) -> None:
        self.client.close()
        self.stack.stop()
        for service in self.services:
            service.stop()
        if self.reader:
            self.reader.close()
