"""Requests that must leave no trace: answered as any other, by rows and calls that are somebody else's.

Whoever wants to know what the port *would* do gives an `Isolation` for the time of one request. Then its
sessions work inside a transaction that is not the port's to commit, and nothing leaves the process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker

from cornflow_f.database.engine import session_factory
from cornflow_f.errors import CornflowError


class OutsideError(CornflowError):
    """The request would reach something that an isolated one can't be given."""

    status = 500
    message = "This request can't be answered in isolation"


class Isolation(Protocol):
    """What an isolated request gets instead of the world."""

    @property
    def sessions(self) -> Callable[[], AsyncSession]: ...

    @property
    def http_client(self) -> httpx.AsyncClient:
        """For calls to an orchestrator."""

    def mail(self, sender: str, receiver: str, mail: str) -> None:
        """Takes a mail instead of a server; raises what the server would make `mail.send` raise."""

    def refused(self, what: str) -> None:
        """Told when the request wants something else outside; it then fails with OutsideError."""


_current: ContextVar[Isolation | None] = ContextVar("cornflow_f_isolation", default=None)


def current() -> Isolation | None:
    return _current.get()


@contextmanager
def isolated(isolation: Isolation) -> Iterator[None]:
    """Requests that are answered inside the block, in this context, are isolated."""
    token = _current.set(isolation)
    try:
        yield
    finally:
        _current.reset(token)


def require_world(what: str) -> None:
    """To be called before reaching `what`, where nothing else takes an isolated request's calls."""
    isolation = _current.get()
    if isolation is not None:
        isolation.refused(what)
        raise OutsideError(log=f"an isolated request wants {what}")


def joined_sessions(
    engine: AsyncEngine, connection: AsyncConnection
) -> async_sessionmaker[AsyncSession]:
    """Sessions inside the transaction of a connection of `engine`: their commits are savepoints."""
    sessions = session_factory(engine)
    sessions.configure(bind=connection, join_transaction_mode="create_savepoint")
    return sessions
