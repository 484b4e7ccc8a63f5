"""The suite's own database session around a request that another connection answers.

Flask gives a request the application context that a test has pushed, and with it the test's session:
the legacy sees what the test has not committed, and the test's objects see what the view has written.
Both are made true for the port. Only Flask-SQLAlchemy's session of that context is touched.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.exc import InvalidRequestError, SQLAlchemyError
from sqlalchemy.orm import Session, object_mapper

_urls: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

OUTSIDE = (
    "the suite holds each test in a transaction of its own connection that is never committed: "
    "the port can not see its rows (docs/suite.md, Databases)"
)


def database_url(flask_app: Any) -> str | None:
    """Of Flask-SQLAlchemy's default engine, with paths resolved as it resolves them."""
    extension = flask_app.extensions.get("sqlalchemy")
    if extension is None:
        return None
    if flask_app not in _urls:
        with contextlib.ExitStack() as stack:
            if not _is_current(flask_app):
                stack.enter_context(flask_app.app_context())
            _urls[flask_app] = extension.engine.url.render_as_string(hide_password=False)
    return _urls[flask_app]


def _is_current(flask_app: Any) -> bool:
    flask: Any = importlib.import_module("flask")
    return bool(flask.has_app_context()) and flask.current_app._get_current_object() is flask_app


def _shared_session(flask_app: Any) -> Session | None:
    """The session that the legacy's view would get: the test's, if it has used one already."""
    extension = flask_app.extensions.get("sqlalchemy")
    scoped = getattr(extension, "session", None)
    if scoped is None or not _is_current(flask_app) or not scoped.registry.has():
        return None
    session: Session = scoped()
    return session


@contextlib.contextmanager
def settled(flask_app: Any) -> Iterator[str | None]:
    """Commits what the test has written, and afterwards forgets what it has read.

    Yields what stands in the way, if anything does.
    """
    session = _shared_session(flask_app)
    if session is None:
        yield None
        return
    _commit(session)
    _load(session)
    yield OUTSIDE if _is_held(session) else None
    _forget(session)


def _commit(session: Session) -> None:
    """Leaves the objects as they are: those whose row the request deletes keep their values."""
    expires, session.expire_on_commit = session.expire_on_commit, False
    try:
        session.commit()
    except SQLAlchemyError:
        # as the legacy's view would find it: a session that has to be rolled back
        session.rollback()
    finally:
        session.expire_on_commit = expires


def _load(session: Session) -> None:
    """Reads again what has expired, as the legacy's view would on meeting it in this session."""
    for entity in list(session.identity_map.values()):
        if sa.inspect(entity).expired_attributes:
            # its row may be gone already: then it stays as it is
            with contextlib.suppress(InvalidRequestError):
                session.refresh(entity)
    _commit(session)


def _is_held(session: Session) -> bool:
    return isinstance(session.bind, sa.Connection) and session.bind.in_transaction()


def _forget(session: Session) -> None:
    for entity in list(session.identity_map.values()):
        if _exists(session, entity):
            session.expire(entity)
        else:
            # as after a commit of the view's own: detached, its columns still readable
            session.expunge(entity)
    _commit(session)


def _exists(session: Session, entity: Any) -> bool:
    mapper = object_mapper(entity)
    identity = sa.inspect(entity).identity
    same = [column == value for column, value in zip(mapper.primary_key, identity, strict=True)]
    return (
        session.execute(sa.select(sa.literal(1)).select_from(mapper).where(*same)).first()
        is not None
    )
