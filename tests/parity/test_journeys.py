"""Journeys are checked when read, and composed into exact requests."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from parity_core.compare.tokens import parse
from parity_core.model import ParityError, Request
from parity_tests.config import DEFAULT
from parity_tests.config import load as load_config
from parity_tests.fuzz import save
from parity_tests.journeys import read
from parity_tests.journeys.compose import compose, curl
from parity_tests.journeys.model import Journey, Step
from parity_tests.journeys.templates import Unknown, fill
from parity_tests.stage.services import registry
from tests.parity.conftest import JourneyWriter

HEAD = "name: one\nsteps:\n"


def load(write: JourneyWriter, steps: str) -> tuple[Step, ...]:
    return read.load(write(HEAD + steps), ["admin", "guest"], registry.provided).steps


def test_each_and_lists_of_users_are_expanded(write_journey: JourneyWriter) -> None:
    steps = load(
        write_journey,
        """
  - as: [admin, nobody]
    request: POST /a/
    json: {x: 1}
    note: base
    each:
      - {json: {}}
      - {body: "{", note: malformed}
      - {request: GET /b/, as: guest}
""",
    )
    told = [(s.user, s.method, s.target, s.body, s.note) for s in steps]
    assert told == [
        ("admin", "POST", "/a/", None, "base"),
        (None, "POST", "/a/", None, "base"),
        ("admin", "POST", "/a/", "{", "malformed"),
        (None, "POST", "/a/", "{", "malformed"),
        ("guest", "GET", "/b/", None, "base"),
    ]
    assert [step.line for step in steps] == [9, 9, 10, 10, 11]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("  - request: GET\n", r"one.yaml:3 \(step 1\): `request` must be"),
        ("  - request: GET a\n", "must start with `/`"),
        (
            "  - request: GET /a/\n  - requets: GET /a/\n",
            r"one.yaml:4 \(step 2\): unknown key `requets`",
        ),
        ("  - request: GET /a/\n    request: GET /b/\n", "`request` is given twice"),
        ("  - {request: PUT /a/, json: {}, body: x}\n", "a request has one body"),
        ("  - {request: GET /a/, encoding: zip}\n", "`encoding` is one of"),
        ("  - {request: GET /a/, as: root}\n", "no user `root`; known: admin, guest"),
        ("  - {request: GET /a/, as: {user: admin}}\n", "`as` as a mapping"),
        ("  - request: GET /a/${id}/\n", "`\\$\\{id\\}` is not captured by an earlier step"),
        ("  - {request: GET /a/, capture: {id: id}}\n", "is a JSON pointer"),
        ("  - {request: GET /a/, body_file: gone.json}\n", "`body_file`"),
        ("  - {request: GET /a/, body_base64: '!'}\n", "`body_base64`"),
        ("  - {request: GET /a/, wait: {pointer: /a}}\n", "`wait` needs"),
        ("  - [1, 2]\n", "a step is a mapping"),
        ("  - request: GET /a/\n    each: []\n", "`each` is a list"),
        ("  - {request: GET /a/?b=1}\n", "one.yaml:3: this is no YAML"),
    ],
)
def test_errors_name_file_line_and_step(
    write_journey: JourneyWriter, steps: str, words: str
) -> None:
    with pytest.raises(read.JourneyError, match=words):
        load(write_journey, steps)


def test_every_broken_file_is_told_and_others_do_not_stop_a_selection(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(HEAD + "  - request: GET /a/\n")
    (tmp_path / "bad-1.yaml").write_text("name: x\n")
    (tmp_path / "bad-2.yaml").write_text(": :\n-")
    with pytest.raises(ParityError, match=r"(?s)bad-1.*bad-2"):
        read.load_all(tmp_path)
    assert [journey.name for journey in read.load_all(tmp_path, ["good"])] == ["one"]
    with pytest.raises(ParityError, match="no journey that matches none"):
        read.load_all(tmp_path, ["none"])


def test_equal_settings_share_a_profile(tmp_path: Path) -> None:
    texts = ["settings: {A: 1, B: '2'}\n", "settings: {B: 2, A: '1'}\n", "services: [smtp]\n"]
    found = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.yaml"
        path.write_text(f"{text}{HEAD}  - request: GET /a/\n")
        found.append(read.load(path).profile)
    assert found[0] == found[1] != found[2]


def test_a_template_alone_keeps_its_type() -> None:
    known = {"id": 7, "a.token": "t"}
    assert fill({"x": "${id}", "y": "n${id}", "${id}": ["${a.token}"]}, known) == {
        "x": 7,
        "y": "n7",
        "7": ["t"],
    }
    assert fill("$5 and ${} stay", known) == "$5 and ${} stay"
    with pytest.raises(Unknown):
        fill("${gone}", known)


def send(known: dict[str, Any] | None = None, **step: Any) -> Request:
    values: dict[str, Any] = {"method": "POST", "target": "/a/", "line": 1} | step
    return compose(Step(**values), known or {}, {"SECRET_KEY": "k"}, 1_800_000_000)


def test_requests_are_sent_as_written() -> None:
    assert send(json={"a": "${x}"}, known={"x": None}).body == b'{"a": null}'
    assert send(json=None).body == b"null"
    assert send(body="{").headers == (("Content-Type", "application/json"),)
    assert send(body="{", content_type="text/plain").headers == (("Content-Type", "text/plain"),)
    assert send(body="x", headers={"content-type": "a/b"}).headers == (("content-type", "a/b"),)
    assert send(body=b"\xff").body == b"\xff"
    assert send(content_type="").headers == ()
    assert send(target="/a b/é/%2F?q=1&r=#").target == "/a%20b/%C3%A9/%2F?q=1&r=%23"
    assert send().headers == ()


def test_compressed_bodies_say_so() -> None:
    request = send(json={"a": 1}, encoding="gzip")
    assert json.loads(gzip.decompress(request.body or b"")) == {"a": 1}
    assert ("Content-Encoding", "gzip") in request.headers


def authorization(user: Any, known: dict[str, Any] | None = None) -> str | None:
    return dict(send(user=user, known=known).headers).get("Authorization")


def test_users() -> None:
    assert authorization(None) is None
    assert authorization("admin", {"admin.token": "t"}) == "Bearer t"
    assert authorization({"token": "${mine}"}, {"mine": "m"}) == "Bearer m"
    assert authorization({"token": ""}) == "Bearer "
    assert authorization({"authorization": "Basic x"}) == "Basic x"
    minted = authorization(
        {"minted": {"sub": "${who}", "exp": -60}, "secret": "SECRET_KEY"}, {"who": "a"}
    )
    token = parse((minted or "").removeprefix("Bearer "))
    assert token is not None
    assert token.claims == {"sub": "a", "exp": 1_800_000_000 - 60}
    assert token.is_signed_with("k")
    other = parse((authorization({"minted": {}, "secret": "other"}) or "").removeprefix("Bearer "))
    assert other is not None
    assert other.is_signed_with("other")


def test_curl_is_what_was_sent() -> None:
    request = Request("PUT", "/a/", (("X-A", "it's"),), b"{}")
    assert (
        curl(request, "http://h")
        == "curl -i -X PUT 'http://h/a/' -H 'X-A: it'\\''s' --data-binary '{}'"
    )
    assert curl(Request("GET", "/"), "http://h") == "curl -i 'http://h/'"
    assert curl(Request("HEAD", "/"), "http://h") == "curl -i -I 'http://h/'"


def test_the_journeys_for_cornflow_are_well_formed() -> None:
    config = load_config(DEFAULT)
    found = read.load_all(config.journeys, (), config.users, registry.provided)
    assert "example-token" in [journey.name for journey in found]
    names = [journey.name for journey in found]
    assert len(names) == len(set(names))


def test_days_pass_and_moments_change_in_what_people_write_and_fuzz_saves(
    write_journey: JourneyWriter,
) -> None:
    steps = load(
        write_journey,
        """
  - request: POST /a/
    as: admin
    capture: {at: /created_at}
  - request: GET /a/?after=${at|-0.001}
    days_later: 100
""",
    )
    assert [step.days_later for step in steps] == [0, 100]
    assert "days_later: 100" in save.render(Journey("one", Path(), steps))
    with pytest.raises(ParityError, match="`days_later` is a whole number of days"):
        load(write_journey, "  - {request: GET /a/, days_later: soon}\n")
