"""The port as an ASGI application: the same operations, statuses and words as the Flask app."""

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from library_port import books, members
from library_port.database import create_engine
from library_port.deps import Refused
from library_port.manners import FlaskManners


@dataclass(frozen=True)
class Settings:
    database_url: str
    loan_days: int = 14
    sign_up_open: bool = True


class FlaskJson(JSONResponse):
    """JSON as Flask writes it: keys in order of their names."""

    def render(self, content: Any) -> bytes:
        return (json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n").encode()


def create_app(
    settings: Settings, routers: Sequence[APIRouter] = (members.router, books.router)
) -> FastAPI:
    engine = create_engine(settings.database_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(
        title="Library",
        lifespan=lifespan,
        default_response_class=FlaskJson,
        redirect_slashes=False,
        openapi_url=None,
        exception_handlers={Refused: _refused, HTTPException: _http_error},
    )
    app.state.settings, app.state.engine = settings, engine
    app.add_middleware(FlaskManners, api=app)
    for router in routers:
        app.include_router(router)
    return app


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return FlaskJson({"error": error.error}, error.status)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    name = HTTP_STATUS_CODES[error.status_code]
    return FlaskJson({"error": name}, error.status_code, error.headers)


def from_environment() -> FastAPI:
    """The factory of a server, as in `uvicorn --factory library_port.app:from_environment`."""
    return create_app(Settings(os.environ["DATABASE_URL"]))
