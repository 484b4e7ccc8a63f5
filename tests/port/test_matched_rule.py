"""Who hands over a request may say which rule it has; it is then not looked for again, and not believed blindly."""

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from cornflow_f.web.cors import CorsPolicy
from cornflow_f.web.protocol import LegacyProtocol
from cornflow_f.web.route_index import RouteIndex
from cornflow_f.web.routing import MATCHED_RULE, Resolution, RouteTable


class Counted(RouteTable):
    asked = 0

    def resolve(self, method: str, path: str) -> Resolution:
        self.asked += 1
        return super().resolve(method, path)


@pytest.fixture
def table() -> Counted:
    return Counted([("/a/{idx:int}/", ["GET"]), ("/a/{name}/", ["PUT"]), ("/a/new/", ["GET"])])


@pytest.fixture
def app(table: Counted) -> FastAPI:
    router = APIRouter()

    @router.get("/a/new/")
    async def new() -> str:
        return "new"

    @router.get("/a/{idx:int}/")
    async def get(idx: int) -> int:
        return idx

    @router.put("/a/{name}/")
    async def put(name: str) -> str:
        return name

    app = FastAPI()
    app.router.routes[:0] = [RouteIndex([r for r in router.routes if isinstance(r, APIRoute)])]
    app.add_middleware(
        LegacyProtocol, table=table, cors=CorsPolicy("*"), documents=frozenset({"/docs"})
    )
    return app


def telling(app: ASGIApp, rule: str | None) -> Any:
    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope if rule is None else {**scope, MATCHED_RULE: rule}, receive, send)

    return told


@pytest.mark.parametrize(
    ("method", "path", "rule", "status", "asked"),
    [
        ("GET", "/a/7/", "/a/<int:idx>/", 200, 0),
        ("PUT", "/a/new/", "/a/<string:name>/", 200, 0),
        # not said, not known, or another method's
        ("GET", "/a/7/", None, 200, 1),
        ("GET", "/a/7/", "/b/<int:idx>/", 200, 1),
        ("PUT", "/a/7/", "/a/<int:idx>/", 200, 1),
        ("GET", "/a/x/", None, 405, 1),
        # HEAD and OPTIONS have replies of their own
        ("HEAD", "/a/7/", "/a/<int:idx>/", 200, 1),
        ("OPTIONS", "/a/7/", "/a/<int:idx>/", 200, 1),
        # said wrongly: the route itself still looks at the path
        ("GET", "/a/new/", "/a/<int:idx>/", 200, 0),
        ("GET", "/a/x/", "/a/<int:idx>/", 404, 0),
    ],
)
async def test_a_rule_that_is_told(
    app: FastAPI, table: Counted, method: str, path: str, rule: str | None, status: int, asked: int
) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(telling(app, rule)), base_url="http://x"
    ) as client:
        reply = await client.request(method, path)
    assert (reply.status_code, table.asked) == (status, asked)
    if status == 200 and method in ("GET", "PUT"):
        told = path.split("/")[2]
        assert reply.json() == (int(told) if told.isdecimal() and method == "GET" else told)
