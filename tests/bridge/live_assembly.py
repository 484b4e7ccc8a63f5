"""Two small applications with a bug that can be planted while they serve: a file that `LIVE_BUG` names.

The file's text says which: `fails` breaks the port, `slow` delays it.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import flask
from fastapi import FastAPI

from legacy_bridge.assembly import Assembly
from tests.bridge.pair import Ported, pair_rules

OPERATIONS = [Ported("GET", "/note/"), Ported("POST", "/note/"), Ported("GET", "/other/")]


def bug() -> str:
    try:
        return Path(os.environ["LIVE_BUG"]).read_text()
    except OSError:
        return ""


def flask_app() -> flask.Flask:
    app = flask.Flask("live_legacy")

    @app.get("/note/")
    def notes() -> dict[str, Any]:
        return {"notes": []}

    @app.post("/note/")
    def add_note() -> Any:
        return {"added": True}, 201

    @app.get("/other/")
    def other() -> dict[str, Any]:
        return {"other": True}

    return app


def ported_app() -> FastAPI:
    app = FastAPI()

    @app.get("/note/")
    async def notes() -> dict[str, Any]:
        return {"notes": []}

    @app.post("/note/", status_code=201)
    async def add_note() -> dict[str, Any]:
        planted = bug()
        if planted == "fails":
            raise RuntimeError("a planted bug")
        if planted == "slow":
            await asyncio.sleep(0.3)
        return {"added": True}

    @app.get("/other/")
    async def other() -> dict[str, Any]:
        return {"other": True}

    return app


def assemble() -> Assembly:
    app = flask_app()
    return Assembly(
        ported=ported_app(),
        ported_operations=OPERATIONS,
        wsgi=app,
        rules=pair_rules(app),
        database_url=os.environ["LIVE_DATABASE_URL"],
    )
