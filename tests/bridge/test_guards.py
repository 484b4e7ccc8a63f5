"""Guards of the small pair: what is refused before the legacy is asked, when, and what is wrong with a file."""

import gzip
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import flask
import httpx
import pytest
from starlette.types import ASGIApp

from legacy_bridge.bridge import Bridge
from legacy_bridge.control.operator import Operator
from legacy_bridge.guards.gate import GuardError
from legacy_bridge.guards.guards_toml import load
from legacy_bridge.guards.places import BodyUnreadableError, document_of, of_body
from legacy_bridge.operations.operation import Mode
from legacy_bridge.stacks.edge import Headers
from parity_core.model import ParityError
from tests.bridge.conftest import MakeBridge, Serve

HEAD = 'identity = "tests.bridge.test_guards:who"\nmax_body_bytes = 3000000\n'
ECHO = """
[[guard]]
name = "no-secrets"
operation = "POST /echo/"
about = "Echoes what is not to be echoed."
values = { word = "body /items/0/word" }
refuse_if_match = { word = 'secret.*' }
status = 409
body = { error = "no ${word}", list = ["${word}"] }
headers = { access-control-allow-origin = "*" }
"""
OWNER = """
[[guard]]
name = "owners-only"
operation = "PUT /thing/<int:idx>/"
about = "Anybody may change any thing."
values = { thing = "path idx", user = "identity" }
refuse_unless_row = "SELECT 1 FROM owned WHERE thing = CAST(:thing AS INTEGER) AND owner = :user"
status = 404
body = { error = "no thing ${thing}" }
"""
PAGE = """
[[guard]]
name = "few"
operation = "GET /thing/"
about = "Large pages take all memory."
values = { limit = "query limit" }
refuse_unless_match = { limit = '\\d{1,3}' }
status = 400
body = { error = "at most 999" }
"""

GuardedBridge = Callable[..., Any]


async def who(_: ASGIApp, headers: Headers) -> str | None:
    name = dict(headers).get(b"x-user")
    if name == b"broken":
        raise RuntimeError("the directory is away")
    return None if name is None else name.decode()


@pytest.fixture
def guarded(make_bridge: MakeBridge, serve: Serve, tmp_path: Path, modes_url: str) -> GuardedBridge:
    with closing(sqlite3.connect(modes_url.removeprefix("sqlite:///"))) as database:
        database.execute("CREATE TABLE owned (thing INTEGER, owner TEXT)")
        database.execute("INSERT INTO owned VALUES (1, 'ana')")
        database.commit()

    def start(text: str = HEAD + ECHO + OWNER + PAGE, **changes: Any) -> Any:
        file = tmp_path / "guards.toml"
        file.write_text(text)
        return serve(make_bridge(guards=file, **{"default_mode": Mode.LEGACY, **changes}))

    return start


def calls(app: flask.Flask) -> list[str]:
    noted: list[str] = app.extensions["seen"].calls
    return noted


def test_a_value_of_the_body(guarded: GuardedBridge, legacy_app: flask.Flask) -> None:
    url = guarded().url
    reply = httpx.post(f"{url}/echo/", json={"items": [{"word": "secret\n1"}]})
    assert (reply.status_code, reply.headers["x-served-by"]) == (409, "bridge")
    assert reply.json() == {"error": "no secret\n1", "list": ["secret\n1"]}
    assert reply.headers["access-control-allow-origin"] == "*"
    assert calls(legacy_app) == [], "the legacy was not asked"
    for content in (b'{"items": [{"word": "open"}]}', b'{"items": []}', b"[1]", b"", b"no json"):
        reply = httpx.post(f"{url}/echo/", content=content)
        assert reply.headers["x-served-by"] == "legacy"
        assert reply.json()["size"] == len(content), "the body arrives whole"


def test_large_zipped_and_unreadable_bodies(
    guarded: GuardedBridge, legacy_app: flask.Flask
) -> None:
    url = guarded().url
    secret = b'{"items": [{"word": "secret"}]}'
    large = b'{"a": "' + b"x" * 2_000_000 + b'", ' + secret[1:]
    for content in (large, gzip.compress(secret), gzip.compress(large)):
        assert httpx.post(f"{url}/echo/", content=content).status_code == 409
    for content, status in (
        (b" " * 3_000_001, 413),
        (gzip.compress(b" " * 3_000_001), 413),
        (gzip.compress(secret)[:-4], 400),
        (gzip.compress(secret) + b"junk", 400),
        (b"[" * 200_000, 400),
    ):
        reply = httpx.post(f"{url}/echo/", content=content)
        assert (reply.status_code, reply.headers["x-served-by"]) == (status, "bridge")
    assert calls(legacy_app) == []
    open_body = large.replace(b"secret", b"opened")
    reply = httpx.post(f"{url}/echo/", content=open_body)
    assert reply.json() == {"size": len(open_body), "start": open_body[:20].decode()}


def test_a_row_and_who_asks(guarded: GuardedBridge, legacy_app: flask.Flask) -> None:
    url = guarded().url

    def put(idx: int, user: str | None) -> httpx.Response:
        headers = {} if user is None else {"x-user": user}
        return httpx.put(f"{url}/thing/{idx}/", headers=headers)

    assert put(1, "ana").headers["x-served-by"] == "legacy"
    for idx, user in ((1, "bob"), (2, "ana"), (1, "ana' OR '1'='1")):
        reply = put(idx, user)
        assert (reply.status_code, reply.json()) == (404, {"error": f"no thing {idx}"})
    assert put(2, None).headers["x-served-by"] == "legacy", "nobody: the legacy refuses itself"
    assert calls(legacy_app) == ["PUT /thing/1/", "PUT /thing/2/"]


def test_the_legacy_is_not_asked_when_it_can_not_be_told(
    guarded: GuardedBridge, legacy_app: flask.Flask, modes_url: str
) -> None:
    url = guarded().url
    assert httpx.put(f"{url}/thing/1/", headers={"x-user": "broken"}).status_code == 503
    with closing(sqlite3.connect(modes_url.removeprefix("sqlite:///"))) as database:
        database.execute("DROP TABLE owned")
        database.commit()
    reply = httpx.put(f"{url}/thing/1/", headers={"x-user": "ana"})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    assert calls(legacy_app) == []


def test_every_value_of_a_repeated_parameter_counts(guarded: GuardedBridge) -> None:
    url = guarded().url

    def by(query: str) -> str:
        return httpx.get(f"{url}/thing/{query}").headers["x-served-by"]

    assert by("") == by("?limit=10") == "legacy"
    assert (
        by("?limit=10000") == by("?limit=1&limit=10000") == by("?limit=10000&limit=1") == "bridge"
    )
    assert httpx.head(f"{url}/thing/?limit=10000").status_code == 400, "HEAD belongs to GET"
    assert by("?" + "&".join(["limit=1"] * 17)) == "bridge", "more than anybody means"


@pytest.mark.parametrize(
    ("mode", "by"),
    [
        (Mode.LEGACY, "bridge"),
        (Mode.SHADOW, "bridge"),
        (Mode.MIRROR, "ported"),
        (Mode.PORTED, "ported"),
    ],
)
def test_only_where_the_legacy_answers(guarded: GuardedBridge, mode: Mode, by: str) -> None:
    reply = httpx.get(f"{guarded(default_mode=mode).url}/thing/?limit=10000")
    assert reply.headers["x-served-by"] == by


def test_where_the_legacy_stands_in(guarded: GuardedBridge, legacy_app: flask.Flask) -> None:
    fails = PAGE.replace("GET /thing/", "GET /fails/")
    url = guarded(fails, default_mode=Mode.PORTED).url
    reply = httpx.get(f"{url}/fails/?limit=10000")
    assert (reply.status_code, reply.headers["x-served-by"]) == (400, "bridge")
    assert httpx.get(f"{url}/fails/").headers["x-served-by"] == "legacy"
    assert calls(legacy_app) == ["GET /fails/"]


def test_a_refusal_is_no_evidence_and_is_not_compared(guarded: GuardedBridge) -> None:
    class Observing:
        body_limit = 1000
        taken = 0

        def wants(self, *_: Any) -> bool:
            return True

        def take(self, _: Any) -> None:
            self.taken += 1

        async def startup(self, _: Any) -> None: ...
        async def shutdown(self) -> None: ...

    observer = Observing()
    running = guarded(default_mode=Mode.SHADOW, observer=observer, open_metrics=True)
    httpx.get(f"{running.url}/thing/?limit=10000")
    httpx.get(f"{running.url}/thing/?limit=10")
    # what is compared is handed on after the client has its reply, in order
    deadline = time.monotonic() + 60
    while not observer.taken:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert observer.taken == 1
    page = httpx.get(f"{running.url}/_cutover/metrics").text
    counted = 'cutover_guarded_total{guard="few",operation="GET /thing/",result='
    assert f'{counted}"refused"}} 1.0' in page
    assert f'{counted}"passed"}} 1.0' in page
    assert 'cutover_requests_total{operation="GET /thing/",stack="legacy",status="4xx"}' not in page


async def test_the_switch(make_bridge: MakeBridge, tmp_path: Path) -> None:
    file = tmp_path / "guards.toml"
    file.write_text(PAGE)
    bridge = make_bridge(guards=file, default_mode=Mode.LEGACY)
    assert isinstance(bridge, Bridge)
    transport = httpx.ASGITransport(bridge)
    async with (
        bridge.router.lifespan_context(bridge),
        httpx.AsyncClient(transport=transport, base_url="http://bridge") as client,
    ):
        operator = Operator(bridge.ownership, "ana", "a test")
        assert (await client.get("/thing/?limit=10000")).status_code == 400
        (change,) = await operator.switch_guard("few", on=False)
        assert (change.operation, change.to_mode) == ("guard few", "value off")
        assert (await client.get("/thing/?limit=10000")).status_code == 200
        await operator.switch_guard("few", on=True)
        assert (await client.get("/thing/?limit=10000")).status_code == 400


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("refuse_if_match", "refuse_if_mach"), 11, "did you mean `refuse_if_match`?"),
        (("{ word = 'secret.*' }", "{ wrd = 'secret.*' }"), 11, "did you mean `word`?"),
        (("no ${word}", "no ${wort}"), 13, "did you mean `word`?"),
        (("secret.*", "secret.*("), 11, "is no regular expression"),
        (("body /items", "boddy /items"), 10, "did you mean `body`?"),
        (("body /items/0/word", "body items"), 10, "JSON pointer, as in `body /items`"),
        (("POST /echo/", "POST echo"), 8, "is not an operation"),
        (("status = 409", "status = 200"), 12, "greater than or equal to 400"),
        (("status = 409", "status = '409'"), 12, "should be a whole number"),
        (("refuse_if_match = { word = 'secret.*' }", ""), 6, "needs exactly one of"),
        (('about = "Echoes', 'abuot = "Echoes'), 9, "did you mean `about`?"),
        (("no-secrets", "No Secrets"), 7, "`guard[1].name`"),
        (("tests.bridge.test_guards:who", "who"), 1, "`identity`"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_sentence(
    tmp_path: Path, change: tuple[str, str], line: int, words: str
) -> None:
    file = tmp_path / "guards.toml"
    text = HEAD + "\n\n" + ECHO
    assert change[0] in text
    file.write_text(text.replace(*change))
    with pytest.raises(ParityError) as refused:
        load(file)
    message = str(refused.value)
    assert message.startswith(f"{file}:{line}:"), message
    assert words in message
    assert "\n" not in message


def test_a_value_that_the_sql_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "guards.toml"
    file.write_text(HEAD + OWNER.replace(":user", ":usr"))
    with pytest.raises(ParityError, match=r"names the value `usr`.* did you mean `user`"):
        load(file)
    file.write_text(OWNER)
    with pytest.raises(ParityError, match="needs the function that `identity`"):
        load(file)
    file.write_text(PAGE + PAGE)
    with pytest.raises(ParityError, match="is the name of another guard"):
        load(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            PAGE.replace("GET /thing/", "GET /thingy/"),
            "has no operation GET /thingy/; did you mean",
        ),
        (
            HEAD + OWNER.replace("path idx", "path id"),
            "has no `id` in its path; did you mean `idx`",
        ),
        (HEAD.replace(":who", ":whom") + OWNER, "can't be loaded"),
    ],
)
def test_guards_that_do_not_fit_the_applications(
    make_bridge: MakeBridge, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "guards.toml"
    file.write_text(text)
    with pytest.raises(GuardError) as refused:
        make_bridge(guards=file)
    assert words in str(refused.value)


def test_what_a_pointer_finds() -> None:
    document: Any = {"a/b": {"~": [1, True, None, "x", {}]}}
    found = [of_body(document, f"/a~1b/~0/{number}") for number in (0, 1, 2, 3, 4, 5, "x", "01")]
    assert found == [["1"], ["true"], [], ["x"], [], [], [], ["true"]]
    assert of_body(None, "/a") == of_body("text", "/0") == []


def test_json_that_an_application_may_read_otherwise() -> None:
    assert document_of('{"a": 1}'.encode("utf-16"), 100) == {"a": 1}
    assert document_of(b"\xff\xfe\xff", 100) is None
    with pytest.raises(BodyUnreadableError):
        document_of(b'{"a":' * 100_000, 1_000_000)
