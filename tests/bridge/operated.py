"""Two small applications for operators: the port has a bug when one is planted, pairs are compared, ann is an admin."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import flask
import httpx
from fastapi import FastAPI
from sqlalchemy import Table

from legacy_bridge.operations.operation import Operation, Stack
from legacy_bridge.shadow import Limits, ShadowObserver
from legacy_bridge.shadow.call import call
from legacy_bridge.shadow.contract import Answer, ClientExchange, ComparisonStage
from legacy_bridge.shadow.rows.recording import Recording
from legacy_bridge.shadow.verdict import PairOutcome, PairVerdict, Reason
from tests.bridge.pair import Ported

TOKEN = "a-token-of-the-tests"
ADMIN, PASSWORD = "ann", "ann's password"
_TOKENS = {"of-ann": ADMIN, "of-bob": "bob"}

PORTED = [
    Ported("GET", "/note/"),
    Ported("POST", "/note/"),
    Ported("GET", "/note/<int:idx>/"),
    Ported("GET", "/tag/"),
]


@dataclass
class Bug:
    kind: str = ""
    """`fails`, `differs`, or nothing."""
    heard: list[dict[str, str]] = field(default_factory=list)
    """The headers that each stack got, with its name as `stack`."""


def flask_app(bug: Bug) -> flask.Flask:
    app = flask.Flask("operated_legacy")

    @app.before_request
    def hear() -> None:
        heard = {name.lower(): value for name, value in flask.request.headers.items()}
        bug.heard.append({**heard, "stack": "legacy"})
        app.logger.warning("asked for %s", flask.request.path)

    @app.get("/note/")
    def notes() -> dict[str, Any]:
        return {"notes": [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}], "total": 2}

    @app.post("/note/")
    def add_note() -> Any:
        return {"added": True}, 201

    @app.route("/note/<int:idx>/", methods=["GET", "DELETE"])
    def note(idx: int) -> dict[str, Any]:
        return {"id": idx, "text": "one"}

    @app.get("/tag/")
    def tags() -> dict[str, Any]:
        return {"tags": []}

    @app.post("/login/")
    def log_in() -> Any:
        given = flask.request.get_json()
        if given["password"] != PASSWORD:
            return {"error": "Invalid credentials"}, 400
        return {"token": f"of-{given['username']}"}

    return app


def ported_app(bug: Bug) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def hear(request: Any, call_next: Any) -> Any:
        bug.heard.append({**request.headers, "stack": "ported"})
        return await call_next(request)

    @app.get("/note/")
    async def notes() -> dict[str, Any]:
        if bug.kind == "fails":
            raise RuntimeError("a planted bug")
        text = "TWO" if bug.kind == "differs" else "two"
        return {"notes": [{"id": 1, "text": "one"}, {"id": 2, "text": text}], "total": 2}

    @app.post("/note/", status_code=201)
    async def add_note() -> dict[str, Any]:
        return {"added": True}

    @app.get("/note/{idx}/")
    async def note(idx: int) -> dict[str, Any]:
        return {"id": idx, "text": "one"}

    @app.get("/tag/")
    async def tags() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"tags": []}

    return app


class SmallComparer:
    """Asks the other stack the same and compares statuses and bodies."""

    async def startup(self, stage: ComparisonStage) -> None:
        self.stage = stage

    async def shutdown(self) -> None:
        """Nothing is open."""

    def watch(self) -> None:
        """Nothing is noted."""

    def tables(self) -> dict[str, Table]:
        return {}

    async def ready(self) -> None:
        """Whenever one likes."""

    def refuses(self, operation: Operation, compared: Stack, method: str) -> Reason | None:
        return None if method == "GET" else Reason.WRITE

    def repeatable(self, operation: Operation, method: str) -> bool:
        return method == "GET"

    async def compare(self, exchange: ClientExchange, recording: Recording) -> PairOutcome:
        other = await call(
            self.stage.apps[exchange.compared], exchange, state=self.stage.ported_state, most=10_000
        )
        sides = {exchange.primary.value: exchange.answer, exchange.compared.value: other}
        bodies = {name: _body(answer) for name, answer in sides.items()}
        same = bodies["legacy"] == bodies["ported"]
        example = {
            "operation": str(exchange.operation),
            "mode": exchange.mode.value,
            "request_id": exchange.request_id,
            "request": {"method": exchange.scope["method"], "target": exchange.scope["path"]},
            **{
                name: {"status": answer.status, "headers": {}, "body": bodies[name]}
                for name, answer in sides.items()
            },
            "differences": [{"place": "body/notes/1/text", "legacy": "two", "ported": "TWO"}],
        }
        return PairOutcome(
            PairVerdict.SAME if same else PairVerdict.DIFFERENT,
            status=other.status,
            seconds=other.seconds,
            example=None if same else example,
        )


def _body(answer: Answer) -> Any:
    return json.loads(answer.body or b"null")


class SmallOperators:
    """`access.Operators`."""

    async def log_in(self, client: httpx.AsyncClient, user: str, password: str) -> str | None:
        reply = await client.post("/login/", json={"username": user, "password": password})
        token: str | None = reply.json().get("token")
        return token

    async def admin(self, token: str) -> str | None:
        name = _TOKENS.get(token)
        return name if name == ADMIN else None

    async def is_admin(self, name: str) -> bool:
        return name == ADMIN


def observer() -> ShadowObserver:
    return ShadowObserver(SmallComparer(), Limits())


def options(bug: Bug) -> dict[str, Any]:
    """For `make_bridge`, besides the legacy."""
    return {
        "ported": ported_app(bug),
        "ported_operations": PORTED,
        "token": TOKEN,
        "operators": SmallOperators(),
        "observer": observer(),
    }
