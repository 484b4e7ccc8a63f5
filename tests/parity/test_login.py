"""`[login]` as applications have it: tokens of any scheme, forms with cookies and a token against forgery, Basic, functions."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parity_core.model import Reply
from parity_tests import config as configuration
from parity_tests.config import Config
from parity_tests.journeys.compose import compose
from parity_tests.journeys.model import Step
from parity_tests.journeys.sign import UserSession
from parity_tests.journeys.sources import cookies_set, value_at
from parity_tests.login import flow

DESK = Path(__file__).parent / "desk"

TARGETS = """
[legacy]
url = "http://a.test"
[ported]
url = "http://b.test"
[[users]]
name = "ann"
username = "ann@x"
password = "pw&1"
"""


def read(tmp_path: Path, login: str) -> Config:
    file = tmp_path / "parity.toml"
    file.write_text(TARGETS + login)
    return configuration.load(file)


def page(*headers: tuple[str, str], body: Any = b"", status: int = 200) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers, raw)


def logged_in(config: Config, *replies: Reply) -> tuple[list[Any], flow.LoggedIn]:
    """The requests that were sent, and the state after them."""
    assert config.login is not None
    steps, state, sent = flow.Flow(config.login), flow.LoggedIn(), []
    user = config.users["ann"]
    for part, reply in zip(steps.parts, replies, strict=True):
        known = {"username": user.username, "password": user.password, **state.known()}
        sent.append(compose(replace(part.step, user=state.session), known, {}, 0))
        state = steps.after(part, reply, state)
    return sent, state


@pytest.mark.parametrize(
    ("login", "reply", "headers"),
    [
        ('token = "/data/0/jwt"', {"data": [{"jwt": "T"}]}, [("Authorization", "Bearer T")]),
        ('token = "/t"\nscheme = "Token"', {"t": "T"}, [("Authorization", "Token T")]),
        ('token = "/t"\nheader = "X-Api-Key"\nscheme = ""', {"t": "T"}, [("X-Api-Key", "T")]),
    ],
)
def test_a_token_is_shown_as_the_api_wants_it(
    tmp_path: Path, login: str, reply: Any, headers: list[tuple[str, str]]
) -> None:
    config = read(
        tmp_path,
        f'[login]\npath = "/login"\njson = {{ user = {{ name = "${{username}}" }} }}\n{login}',
    )
    sent, state = logged_in(config, page(body=reply))
    assert json.loads(sent[0].body) == {"user": {"name": "ann@x"}}
    assert state.session.of("GET") == headers
    shown = flow.header_of(config.login)
    minted = compose(Step("GET", "/", 1, user={"token": "M"}), {}, {}, 0, shown)
    assert minted.headers[0][0] == headers[0][0]


def test_a_token_may_be_a_header_of_the_reply(tmp_path: Path) -> None:
    config = read(
        tmp_path, '[login]\npath = "/in"\njson = {}\ntoken = "header:X-Token"\nid = "/id"'
    )
    _, state = logged_in(config, page(("X-Token", "T"), body={"id": 7}))
    assert (state.token, state.id) == ("T", 7)


def test_client_credentials_are_a_form(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        '[login]\npath = "/oauth/token"\ntoken = "/access_token"\n'
        'form = { grant_type = "client_credentials", client_id = "${username}", client_secret = "${password}" }',
    )
    sent, state = logged_in(config, page(body={"access_token": "A"}))
    assert sent[0].body == b"grant_type=client_credentials&client_id=ann%40x&client_secret=pw%261"
    assert ("Content-Type", "application/x-www-form-urlencoded") in sent[0].headers
    assert state.session.of("DELETE") == [("Authorization", "Bearer A")]


CSRF = """
[login]
path = "/login"
form = { user = "${username}", csrf = "${csrf}" }
[login.csrf]
token = "%s"
before = "/login"
header = "X-CSRFToken"
"""


def test_a_form_brings_its_token_and_cookies(tmp_path: Path) -> None:
    config = read(tmp_path, CSRF % "field:csrf")
    html = b'<meta name="other" content="1"><input value="F&amp;1" type=hidden name=csrf>'
    sent, state = logged_in(
        config,
        page(("Set-Cookie", "s=1; Path=/"), body=html),
        page(("Set-Cookie", "s=2; HttpOnly"), ("Set-Cookie", "seen=; Max-Age=0"), status=302),
    )
    assert sent[1].body == b"user=ann%40x&csrf=F%261"
    assert ("Cookie", "s=1") in sent[1].headers
    assert state.session.of("GET") == [("Cookie", "s=2")]
    assert state.session.of("POST") == [("Cookie", "s=2"), ("X-CSRFToken", "F&1")]


def test_a_cookie_that_is_mirrored_follows_the_cookie(tmp_path: Path) -> None:
    config = read(tmp_path, CSRF % "cookie:xsrf")
    _, state = logged_in(
        config,
        page(("Set-Cookie", "xsrf=A")),
        page(("Set-Cookie", "s=1"), ("Set-Cookie", "xsrf=B")),
    )
    assert ("X-CSRFToken", "B") in state.session.of("PUT")
    later = state.session.after(page(("Set-Cookie", "xsrf=C")))
    assert ("X-CSRFToken", "C") in later.of("PUT")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (page(status=403, body=b"no"), "403 no"),
        (page(), "no cookie was set"),
        (Reply(None, error="no reply"), "no reply"),
    ],
)
def test_who_is_refused_is_not_logged_in(tmp_path: Path, reply: Reply, why: str) -> None:
    config = read(tmp_path, '[login]\npath = "/in"\nform = { u = "${username}" }')
    with pytest.raises(flow.RefusedError, match=why):
        logged_in(config, reply)


def test_basic_fixed_tokens_and_functions_ask_for_nothing(tmp_path: Path) -> None:
    basic = read(tmp_path, '[login]\nkind = "basic"')
    state = flow.without_request(basic, basic.users["ann"], "http://a")
    assert state is not None
    assert state.session.of("GET") == [("Authorization", "Basic YW5uQHg6cHcmMQ==")]

    fixed = read(
        tmp_path,
        '[[users]]\nname = "key"\ntoken = "K"\n[login]\nkind = "fixed"\nheader = "X-Key"\nscheme = ""',
    )
    state = flow.without_request(fixed, fixed.users["key"], "http://a")
    assert state is not None
    assert state.session.of("GET") == [("X-Key", "K")]

    (tmp_path / "team_login_of_test.py").write_text(
        "def sign(origin, name, password):\n"
        "    if password == 'no': raise PermissionError('not today')\n"
        "    return {'X-Signed': f'{origin} {name}'}\n"
    )
    own = read(
        tmp_path,
        '[login]\nkind = "function"\nfunction = "team_login_of_test:sign"\npythonpath = ["."]',
    )
    state = flow.without_request(own, own.users["ann"], "http://a")
    assert state is not None
    assert state.session.of("PUT") == [("X-Signed", "http://a ann@x")]
    with pytest.raises(flow.RefusedError, match="not today"):
        flow.without_request(own, replace(own.users["ann"], password="no"), "http://a")


@pytest.mark.parametrize(
    ("login", "wrong"),
    [
        ("[login]\ntoken = '/t'", "`login`: it has no `path`"),
        ("[login]\npath = '/x'\ntoken = 'json:t'", "JSON pointer"),
        ("[login]\npath = '/x'\njson = {}\nform = {}", "one body"),
        ("[login]\npath = '/x'\ncheck = '/me'", "GET /me"),
        ("[login]\nkind = 'function'", "module:name"),
        ("[login]\nkind = 'cookie'", "login.kind"),
        ("[[users]]\nname = 'bo'", "`users[2]`: it has no `username`"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_sentence(tmp_path: Path, login: str, wrong: str) -> None:
    with pytest.raises(Exception, match=r"parity\.toml:") as caught:
        read(tmp_path, login)
    assert wrong in str(caught.value)


def test_values_of_replies() -> None:
    reply = page(("Set-Cookie", "a=b; Max-Age=0"), ("Set-Cookie", "c=d"), body=b"<p>order 17</p>")
    assert value_at(reply, "text:/order (\\d+)/") == "17"
    assert value_at(reply, "cookie:c") == "d"
    assert cookies_set(reply) == {"a": None, "c": "d"}
    for source in ("field:x", "text:/x y/", "cookie:a", "header:X", "/a"):
        with pytest.raises(LookupError):
            value_at(reply, source)
    assert UserSession(cookies={"a": "1"}).after(reply).cookies == {"c": "d"}


JOURNEY = """
name: notes
steps:
  - {as: ann, request: GET /me}
  - {as: ann, request: POST /notes, form: {text: a & b}}
  - {as: bo, request: POST /notes, form: {text: mine}, headers: {X-CSRFToken: forged}}
  - as: {login: {username: bo, password: Bo-pw}}
    request: GET /notes
    capture: {seen: "field:csrf_token"}
  - {as: {login: {username: bo, password: wrong}}, request: GET /me}
  - {as: nobody, request: GET /me}
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = tmp_path / "desk"

    def start(legacy: str = "", ported: str = "") -> subprocess.CompletedProcess[str]:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(DESK, folder)
        (folder / "journeys").mkdir()
        (folder / "journeys" / "notes.yaml").write_text(JOURNEY)
        (folder / "waivers.toml").write_text("")
        file = folder / "parity.toml"
        text = file.read_text().replace("@LEGACY@", legacy).replace("@PORTED@", ported)
        file.write_text(text)
        return subprocess.run(
            [sys.executable, "-m", "parity_tests.cli", "run", "--config", str(file)],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    return start


def test_a_server_rendered_application_is_compared(run: Run) -> None:
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 of 5 operations" in done.stdout


def test_a_port_that_takes_forged_forms_is_found(run: Run) -> None:
    done = run(ported="no-csrf")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "400" in done.stdout
    assert "201" in done.stdout


def test_a_log_in_that_lapses_on_both_sides_is_no_green_run(run: Run) -> None:
    done = run("lapse", "lapse")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "log-in is not valid any more" in " ".join((done.stdout + done.stderr).split())
