"""What operations depend on: a session, the body, the member who asks."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from library_port.database import Member, Token


class Refused(Exception):
    """The request is not done; ``error`` is what the client reads."""

    def __init__(self, status: int, error: Any) -> None:
        self.status, self.error = status, error


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(request.app.state.engine) as session:
        yield session


# the session ends before the reply starts
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]


async def member_only(request: Request, session: SessionDep) -> Member:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    known = await session.get(Token, token)
    member = None if known is None else await session.get(Member, known.member_id)
    if member is None:
        raise Refused(401, "log in first")
    return member


MemberDep = Annotated[Member, Depends(member_only)]


async def librarian_only(member: MemberDep) -> None:
    if not member.librarian:
        raise Refused(403, "only for librarians")


async def json_object(request: Request) -> dict[str, Any]:
    """The body. parity: refused with Flask's statuses and words, after the log-in is checked."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Refused(415, "Unsupported Media Type")
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Refused(400, "Bad Request") from None
    if not isinstance(body, dict):
        raise Refused(400, "an object is needed")
    return body


def checked(body: Any, *, text: tuple[str, ...], whole: tuple[str, ...] = ()) -> dict[str, Any]:
    """The known fields of a body; every field that is wrong is told at once."""
    wrong: dict[str, list[str]] = {}
    fields: dict[str, Any] = {}
    for name in text:
        value = body.get(name)
        if isinstance(value, str) and value.strip():
            fields[name] = value.strip()
        else:
            wrong[name] = ["Text is needed."]
    for name in whole:
        if (value := body.get(name)) is None:
            continue
        try:
            # parity: numbers that come as text are taken
            fields[name] = int(value)
        except (TypeError, ValueError):
            wrong[name] = ["Not a whole number."]
    if wrong:
        raise Refused(400, wrong)
    return fields


def count_of(text: str | None, otherwise: int) -> int:
    # parity: what is no number counts as not said
    return int(text) if text and text.isdecimal() else otherwise


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
