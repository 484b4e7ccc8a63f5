"""What a comparison of the two stacks gets from the bridge, and what it tells the bridge.

The bridge answers the client by one stack and afterwards hands what it saw to an `Observer`, which asks
the other stack, compares, and reports to `Results`. None of it is on the client's path.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.types import ASGIApp, Scope

from legacy_bridge.operations.operation import Mode, Operation, Stack
from legacy_bridge.stacks.edge import Headers


@dataclass(frozen=True, slots=True)
class Answer:
    """A stack's reply. `body` is None when it was longer than the observer's limit.

    `status` is 0 when the stack failed before it said one; `seconds` until its last byte.
    """

    status: int
    headers: Headers
    body: bytes | None
    seconds: float
    unavailable: bool = False
    """What both stacks share was not to be had, so it says nothing."""


@dataclass(frozen=True, slots=True)
class ClientExchange:
    """One request with the reply the client got."""

    operation: Operation
    mode: Mode
    trial: int
    """Which stay of the operation in its mode this belongs to; goes back to `Results` as it is."""
    scope: Scope
    """As the primary stack got it: headers put right, request id inside. Copy it before a call."""
    body: bytes | None
    """The request's body; None when it was longer than the observer's limit or cut short."""
    primary: Stack
    """Who answered the client."""
    compared: Stack
    """Who is to be asked now."""
    answer: Answer
    started: float
    """When the request came, seconds since 1970."""
    request_id: str


class Results(Protocol):
    """Where comparisons are counted. Calls return at once and may come from any coroutine."""

    def compared(
        self,
        exchange: ClientExchange,
        *,
        status: int,
        seconds: float,
        different: bool,
        example: Mapping[str, Any] | None = None,
    ) -> None:
        """The other stack answered with `status` (0: it failed) after `seconds`.

        `example` is shown to the operator when it is different: JSON values, kept to some kilobytes.
        """

    def dropped(self, operation: Operation, trial: int, why: str) -> None:
        """A pair that was wanted and not compared; `why` is one of few words, for counting."""


@dataclass(frozen=True, slots=True)
class ComparisonStage:
    """What an observer works with, once both stacks run."""

    apps: Mapping[Stack, ASGIApp]
    ported_state: Mapping[str, Any]
    """What the port's lifespan gave: belongs into `scope["state"]` of calls to it."""
    results: Results


class Observer(Protocol):
    """Compares pairs, off the client's path."""

    body_limit: int
    """Bytes of a request's and of a reply's body that are worth keeping."""

    async def startup(self, stage: ComparisonStage) -> None: ...
    async def shutdown(self) -> None: ...

    def wants(self, operation: Operation, mode: Mode, compared: Stack, scope: Scope) -> bool:
        """Asked before the request is answered, so it must be cheap: sampling, methods, a full queue."""

    def take(self, exchange: ClientExchange) -> None:
        """Called after the client has its reply. Returns at once; never raises."""
