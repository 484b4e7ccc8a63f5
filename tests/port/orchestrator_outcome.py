"""What a call of an orchestrator's client came to, so that the legacy's and the port's can be compared."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from cornflow_f.errors import OrchestratorError


@dataclass(frozen=True)
class Refused:
    """The orchestrator's own words and status."""

    words: str
    status: int


class Crashed:
    """An exception that the legacy does not expect: it answers 500. The port must tell it as an error."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Crashed)

    __hash__ = None  # type: ignore[assignment]


async def of_legacy(call: Callable[[], Any]) -> Any:
    """In a thread: the legacy's client waits."""
    from cornflow_client.constants import OrchError

    try:
        return await asyncio.to_thread(call)
    except OrchError as error:
        return Refused(error.error, error.status_code)
    except Exception:
        return Crashed()


async def of_port(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except OrchestratorError as error:
        return Refused(error.error, error.status)


def same(legacy: Any, ported: Any) -> bool:
    """Equal, or told as an error (400) where the legacy crashes."""
    if isinstance(legacy, Crashed):
        return isinstance(ported, Refused) and ported.status == 400 and bool(ported.words)
    return bool(legacy == ported)
