"""What every outside service has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar, Protocol

from parity_core.model import Json
from parity_tests.config import ServiceConfig


class Service(Protocol):
    observation: str
    """First segment of the places where its observations are compared."""
    shared: ClassVar[bool]
    provides: ClassVar[tuple[str, ...]]
    """Names of the values that journeys may use in templates."""

    @staticmethod
    def missing() -> str | None:
        """What this machine lacks for the service, and how to get it."""

    def values(self) -> Mapping[str, str]:
        """The value of each name in `provides`."""

    def environment(self) -> Mapping[str, str]: ...

    def serve(self, origin: str) -> None:
        """The stack that it belongs to is up, at this address; told again when another takes over."""

    def sent(self) -> list[Json]:
        """All that arrived since `forget`, oldest first."""

    def forget(self) -> None: ...

    def reset(self) -> None:
        """As at the beginning: what stacks have made there is gone, as the rows are that knew of it."""

    def bookmarked(self) -> AbstractContextManager[Callable[[], None]]:
        """What puts back all that stacks have made there by now, and forgets what was sent since.

        Meanwhile nothing goes on there by itself.
        """

    def stop(self) -> None:
        """Called once for every side, so maybe twice."""


class Quiet:
    """A service that provides no values, and of which nothing is observed."""

    shared: ClassVar[bool] = False
    provides: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def missing() -> str | None:
        return None

    def values(self) -> Mapping[str, str]:
        return {}

    def serve(self, origin: str) -> None:
        """It serves without knowing its stack."""

    def sent(self) -> list[Json]:
        return []

    def forget(self) -> None:
        """Nothing is remembered."""

    def reset(self) -> None:
        self.forget()

    @contextmanager
    def bookmarked(self) -> Iterator[Callable[[], None]]:
        yield self.forget


def filled_environment(config: ServiceConfig, **values: str) -> dict[str, str]:
    """The configured environment variables with a service's own values in them."""
    return {key: text.format(**values) for key, text in config.environment.items()}
