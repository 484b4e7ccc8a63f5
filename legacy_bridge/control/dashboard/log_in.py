"""The page's log-in: by the bridge's token, or as an admin of the application."""

from collections.abc import Callable
from typing import Annotated

import httpx
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.types import ASGIApp

from legacy_bridge.control.access import (
    COOKIE,
    ControlAccess,
    ControlRefusedError,
    is_of_another_site,
)
from legacy_bridge.control.attempts import address_of
from legacy_bridge.control.input import Input
from legacy_bridge.control.session import SESSION_SECONDS

_WORD = Field(default="", max_length=4096)


class LogIn(Input):
    """Either user and password, or a token; with the bridge's own, a name for the history."""

    user: Annotated[str, _WORD]
    password: Annotated[str, _WORD]
    token: Annotated[str, _WORD]
    name: Annotated[str, Field(default="", max_length=200)]


def client_of(app: ASGIApp) -> Callable[[], httpx.AsyncClient]:
    """Asks the bridge in this process, as any client would over the network."""
    return lambda: httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
        base_url="http://bridge",
        timeout=30,
    )


def session_routes(access: ControlAccess) -> APIRouter:
    router = APIRouter()

    @router.get("/session")
    async def session(request: Request) -> JSONResponse:
        """Who is logged in, if anybody is, and how to."""
        try:
            name = (await access.caller(request)).name
        except ControlRefusedError:
            name = None
        return JSONResponse({"name": name, "ways": access.ways})

    @router.post("/session", dependencies=[Depends(_from_the_page)])
    async def log_in(credentials: LogIn, request: Request) -> JSONResponse:
        """Gives the browser a cookie that scripts can't read and other sites can't send."""
        address = address_of(request)
        if credentials.token:
            name, cookie = await access.log_in_by_token(
                credentials.token, credentials.name.strip(), address
            )
        else:
            name, cookie = await access.log_in(credentials.user, credentials.password, address)
        reply = JSONResponse({"name": name, "ways": access.ways})
        reply.set_cookie(
            COOKIE,
            cookie,
            max_age=SESSION_SECONDS,
            path=_own_path(request),
            httponly=True,
            samesite="strict",
            secure=_is_https(request),
        )
        return reply

    @router.delete("/session", dependencies=[Depends(_from_the_page)])
    async def log_out(request: Request) -> JSONResponse:
        """Ends the session itself: a copy of its cookie is worth nothing either."""
        reply = JSONResponse({})
        try:
            await access.log_out(request.cookies.get(COOKIE, ""))
        except ControlRefusedError as error:
            reply = JSONResponse({"error": error.text}, error.status)
        reply.delete_cookie(COOKIE, path=_own_path(request), httponly=True, samesite="strict")
        return reply

    return router


async def _from_the_page(request: Request) -> None:
    """Nobody else's page logs somebody in or out."""
    if is_of_another_site(request):
        raise ControlRefusedError(403, "log in from the bridge's own page")


def _own_path(request: Request) -> str:
    return request.url.path.rsplit("/", 1)[0] or "/"


def _is_https(request: Request) -> bool:
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
