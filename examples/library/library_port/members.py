"""Log-in, sign-up and the member's own record."""

import secrets
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool
from werkzeug.security import check_password_hash, generate_password_hash

from library_port import post
from library_port.database import Member, Token
from library_port.deps import MemberDep, Refused, SessionDep, checked, json_object, now

router = APIRouter()


def show(member: Member) -> dict[str, Any]:
    names = ("id", "email", "name", "librarian")
    return {name: getattr(member, name) for name in names}


@router.post("/login")
async def login(request: Request, session: SessionDep) -> dict[str, Any]:
    body = checked(await json_object(request), text=("email", "password"))
    member = await session.scalar(select(Member).where(Member.email == body["email"]))
    if member is None or not await run_in_threadpool(
        check_password_hash, member.password, body["password"]
    ):
        raise Refused(400, "wrong e-mail or password")
    token = Token(token=secrets.token_hex(16), member_id=member.id, created_at=now())
    reply = {"token": token.token, "id": member.id}
    session.add(token)
    await session.commit()
    return reply


@router.post("/members", status_code=201)
async def sign_up(request: Request, session: SessionDep) -> dict[str, Any]:
    if not request.app.state.settings.sign_up_open:
        raise Refused(403, "ask at the desk")
    body = checked(await json_object(request), text=("email", "name", "password"))
    password = generate_password_hash(body["password"], "pbkdf2:sha256:1000")
    member = Member(email=body["email"], name=body["name"], password=password, librarian=False)
    session.add(member)
    try:
        await session.flush()
    except IntegrityError:
        raise Refused(409, "this e-mail is taken") from None
    reply = show(member)
    await session.commit()
    post.send(reply["email"], "Welcome to the library")
    return reply


@router.get("/members/me")
async def me(member: MemberDep) -> dict[str, Any]:
    return show(member)
