"""Whether an error means that the database can't be asked now: a client may try again, nobody is to blame."""

import socket
from collections.abc import Iterator

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_CUT = "8s2b"
"""SQLAlchemy's code of a connection that was cut before this statement, which the transaction did not survive."""
_GONE = ("08", "57P", "53300")
"""How codes of PostgreSQL begin: connection failures, a server that starts or stops, no connection left."""


def is_unreachable(error: BaseException) -> bool:
    """No connection came free in time, none can be made, or the one that was used is lost."""
    return any(_is_gone(one) for one in _chain(error))


def _is_gone(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        return bool(error.connection_invalidated)
    if isinstance(error, PendingRollbackError):
        return error.code == _CUT
    if isinstance(error, asyncpg.PostgresError):
        # while it connects, the driver's errors come as they are
        return str(error.sqlstate or "").startswith(_GONE)
    return isinstance(
        error,
        PoolTimeout | asyncpg.InterfaceError | ConnectionError | TimeoutError | socket.gaierror,
    )


def is_trouble_of_the_database(error: BaseException) -> bool:
    """The same, and whatever else keeps it from answering: a locked file, no memory."""
    return isinstance(error, InterfaceError | OperationalError) or is_unreachable(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__
