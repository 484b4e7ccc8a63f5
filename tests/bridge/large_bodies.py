"""A bridge of its own process over two small apps that take and give bodies of any size."""

import hashlib
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import flask
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from legacy_bridge.bridge import BridgeOptions, Stacks, create_bridge
from legacy_bridge.operations.operation import Mode
from legacy_bridge.stacks.in_process import InProcessLegacy
from tests.bridge.pair import Ported, pair_rules

PIECE = 1024 * 1024
BLOCK = bytes(range(256)) * (PIECE // 256)


def flask_app() -> flask.Flask:
    app = flask.Flask("legacy_of_large_bodies")

    @app.post("/<any(old,new):stack>/take/")
    def take(stack: str) -> dict[str, Any]:
        digest, size = hashlib.blake2b(), 0
        while piece := flask.request.stream.read(PIECE):
            digest.update(piece)
            size += len(piece)
        return {"size": size, "digest": digest.hexdigest()}

    @app.get("/<any(old,new):stack>/give/<int:pieces>/")
    def give(stack: str, pieces: int) -> flask.Response:
        def make() -> Iterator[bytes]:
            for _ in range(pieces):
                yield BLOCK

        return flask.Response(make(), mimetype="application/octet-stream")

    return app


def ported_app() -> FastAPI:
    app = FastAPI()

    @app.post("/{stack}/take/")
    async def take(request: Request) -> dict[str, Any]:
        digest, size = hashlib.blake2b(), 0
        async for piece in request.stream():
            digest.update(piece)
            size += len(piece)
        return {"size": size, "digest": digest.hexdigest()}

    @app.get("/{stack}/give/{pieces}/")
    async def give(pieces: int) -> StreamingResponse:
        async def make() -> AsyncIterator[bytes]:
            for _ in range(pieces):
                yield BLOCK

        return StreamingResponse(make(), media_type="application/octet-stream")

    return app


def main(port: int, mode: str, modes_url: str) -> None:
    legacy = flask_app()
    stacks = Stacks(
        ported=ported_app(),
        legacy=InProcessLegacy(legacy),
        rules=pair_rules(legacy),
        ported_operations=[
            Ported("POST", "/<any(old,new):stack>/take/"),
            Ported("GET", "/<any(old,new):stack>/give/<int:pieces>/"),
        ],
    )
    bridge = create_bridge(stacks, modes_url, BridgeOptions(default_mode=Mode(mode)))
    uvicorn.run(bridge, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
