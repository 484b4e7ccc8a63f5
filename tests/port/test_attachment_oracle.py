"""A file in parts and under conditions: the port against the legacy's server (werkzeug's `send_file`)."""

import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any
from zlib import adler32

import flask
import httpx
import pytest
from flask.testing import FlaskClient
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cornflow_f.web import conditional
from cornflow_f.web.attachment import attachment

RANGES = [
    None, "", "bytes=0-9", "bytes=990-", "bytes=-5", "bytes=-5000", "bytes=0-0", "bytes=0-5000",
    "bytes=999-999", "bytes=1000-", "bytes=100000-", "bytes=5-2", "bytes=-0", "bytes=0-1,3-4",
    "bytes=0-1,", "bytes=,0-1", "bytes=0-1,1-2", "bytes=3-4,0-1", "bytes=-5,0-1", "bytes=0-,5-6",
    "bytes=x", "bytes=", "bytes", "bytes=-", "bytes=1-x", "bytes=+1-2", "bytes=1_0-20", "bytes=\xb2-5",
    "BYTES=0-9", " bytes = 0 - 9 ", "bytes=\t0-9", "lines=1-2", "=0-9", "bytes=0-9=1", "bytes=1--2",
    "bytes=--5", "bytes=0-18446744073709551616", "bytes=" + "9" * 400 + "-",
]  # fmt: skip
TAGS = [
    None, "", "*", "{tag}", "W/{tag}", "w/{tag}", '"x"', 'W/"x"', '"x", {tag}', "{tag}, ", '"x" {tag}',
    ' {tag} ', "{bare}", '"x',  '*, "x"', " *", "\xe9",
]  # fmt: skip
DATES = [
    None, "", "{date}", "Fri, 01 Jan 2100 00:00:00 GMT", "Fri, 01 Jan 1999 00:00:00 GMT",
    "Fri, 01 Jan 2100 00:00:00", "Fri, 01 Jan 2100 00:00:00 +0200", "2100-01-01T00:00:00Z", "x",
]  # fmt: skip
CONTENT = bytes(range(250)) * 4
NOT_COMPARED = {"date", "server", "connection", "etag", "content-disposition"}


@pytest.fixture(scope="module", params=[CONTENT, b""], ids=["some bytes", "empty"])
def path(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    file = tmp_path_factory.mktemp("files") / "a.zip"
    file.write_bytes(request.param)
    return file


@pytest.fixture(scope="module")
def legacy(path: Path) -> FlaskClient:
    app = flask.Flask(__name__)

    @app.get("/")
    def show() -> Any:
        sent = flask.send_file(
            path, mimetype="application/zip", as_attachment=True, download_name="a.zip"
        )
        response = flask.make_response(sent)
        response.headers["X-Message"] = "words"
        return response

    @app.errorhandler(416)
    def refuse(error: Any) -> Any:
        return {"message": error.description}, 416, {"Content-Range": f"bytes */{error.length}"}

    return app.test_client()


@pytest.fixture
async def port(path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async def show(request: Request) -> Response:
        return await attachment(request, path, "a.zip", "application/zip", {"X-Message": "words"})

    async def refuse(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"message": error.detail}, error.status_code, headers=error.headers)

    app = Starlette(routes=[Route("/", show)], exception_handlers={HTTPException: refuse})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://p") as client:
        yield client


def _sent(path: Path, **values: str | None) -> list[tuple[str, str]]:
    """Headers; `{tag}`, `{bare}` and `{date}` are the file's own."""
    facts = path.stat()
    bare = f"{facts.st_mtime}-{facts.st_size}-{adler32(str(path).encode())}"
    own = {"tag": f'"{bare}"', "bare": bare, "date": formatdate(int(facts.st_mtime), usegmt=True)}
    return [
        (name.replace("_", "-"), value.format(**own))
        for name, value in values.items()
        if value is not None
    ]


def _cases() -> Iterator[dict[str, str | None]]:
    yield from ({"Range": value} for value in RANGES)
    yield from ({name: value} for name in ("If_None_Match", "If_Match") for value in TAGS)
    yield from ({"If_Modified_Since": value} for value in DATES)
    for part, value in itertools.product(("bytes=0-9", "bytes=x", "", None), [*TAGS, *DATES]):
        yield {"Range": part, "If_Range": value}
    draw = random.Random(11)
    names = {
        "Range": RANGES,
        "If_Range": [*TAGS, *DATES],
        "If_None_Match": TAGS,
        "If_Match": TAGS,
        "If_Modified_Since": DATES,
        "If_Unmodified_Since": DATES,
    }
    for _ in range(2000):
        chosen = draw.sample(list(names), draw.randint(2, 5))
        yield {name: draw.choice(names[name]) for name in chosen}


async def _reply(
    legacy: FlaskClient, port: httpx.AsyncClient, sent: list[tuple[str, str]]
) -> tuple[Any, Any]:
    ours = legacy.get("/", headers=sent)
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent]
    theirs = await port.get("/", headers=raw)
    return (
        _compared(ours.status_code, ours.headers.items(), ours.data),
        _compared(theirs.status_code, theirs.headers.items(), theirs.content),
    )


def _compared(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Any:
    """JSON has many spellings: of a refusal the length is none of the facts."""
    left_out = NOT_COMPARED | {"content-length"} if status == 416 else NOT_COMPARED
    kept = {name.lower(): value for name, value in headers if name.lower() not in left_out}
    return status, kept, json.loads(body) if status == 416 else body


async def test_every_condition_means_the_same(
    path: Path, legacy: FlaskClient, port: httpx.AsyncClient
) -> None:
    different, statuses = {}, Counter[int]()
    for case in _cases():
        ours, theirs = await _reply(legacy, port, _sent(path, **case))
        statuses[ours[0]] += 1
        if ours != theirs:
            different[str(case)] = (ours[:2], theirs[:2])
    assert not different, f"{len(different)}: {dict(list(different.items())[:5])}"
    parts = {206, 416} if legacy.get("/").data else set()
    assert set(statuses) == {200, 304, 412} | parts, "every fate is among the cases"


async def test_the_tag_is_the_legacys(
    path: Path, legacy: FlaskClient, port: httpx.AsyncClient
) -> None:
    assert legacy.get("/").headers["ETag"] == (await port.get("/")).headers["ETag"]


@pytest.mark.parametrize("path", [CONTENT], indirect=True)
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("_part", lambda text, size: (0, size)),
        ("_unmodified", lambda *_: False),
        ("_same_as_before", lambda *_: True),
        ("_moment", lambda text: None),
    ],
)
async def test_a_planted_fault_is_noticed(
    path: Path,
    legacy: FlaskClient,
    port: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fault: Any,
) -> None:
    monkeypatch.setattr(conditional, name, fault)
    for case in _cases():
        ours, theirs = await _reply(legacy, port, _sent(path, **case))
        if ours != theirs:
            return
    pytest.fail("nobody noticed")
