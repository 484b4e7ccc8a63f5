"""One rule of what is secret: captures, the live page, reports, printed commands and logs agree."""

import json
import logging
import re
import shlex
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy_bridge.shadow.compare import masking
from legacy_bridge.telemetry.logs import JsonLines, TextLines
from parity_core.capture import scan, secrets
from parity_core.capture.fingerprint import FingerprintKey
from parity_core.capture.mask import Masker
from parity_core.model import Request
from parity_tests.report import curl
from parity_tests.report import masking as report

VALUE = "Zt5-wq9_hidden"

SECRET = [
    "password",
    "passwd",
    "pwd",
    "newPassword",
    "new_password",
    "user.password",
    "PASSWORD",
    "password2",
    "password_hash",
    "passwordHash",
    "passphrase",
    "pin",
    "user_pin",
    "pin_code",
    "otp",
    "totp",
    "otp_code",
    "credentials",
    "credential",
    "db_credentials",
    "authorization",
    "Proxy-Authorization",
    "private_key",
    "privateKey",
    "private-key",
    "api_key",
    "apiKey",
    "X-Api-Key",
    "apikey",
    "access_key",
    "secret_key",
    "SECRET_BI_KEY",
    "client_secret",
    "clientsecret",
    "secret",
    "secrets",
    "token",
    "access_token",
    "accessToken",
    "refresh-token",
    "tokens",
    "X-CSRF-Token",
    "airflow_pwd",
    "LDAP_BIND_PASSWORD",
    "service_email_password",
    "user_pass",
    "signing_key",
    "encryption_key",
    "passcode",
    "jwt",
    "cvv",
    "cookie",
    "Set-Cookie",
    "auth_key",
    "databricks_auth_secret",
]
OPEN = [
    "spinning",
    "author",
    "authors",
    "authority",
    "token_count",
    "tokenCount",
    "max_tokens",
    "tokenizer",
    "tokenization",
    "secretary",
    "pwd_last_change",
    "pwdLastChange",
    "password_last_changed",
    "PWD_ROTATION_TIME",
    "token_type",
    "token_url",
    "token_duration",
    "secret_name",
    "compass",
    "passenger",
    "bypass",
    "opinion",
    "shipping_pin_count",
    "spin",
    "key",
    "primary_key",
    "keyboard",
    "monkey",
    "hotpot",
    "robotpart",
    "username",
    "email",
    "id",
    "name",
    "passed",
    "pass_count",
    "public_key",
]


def _capture_json(name: str) -> str:
    return json.dumps(Masker(FingerprintKey(b"k")).one().json({name: VALUE}))


def _capture_form(name: str) -> str:
    return Masker(FingerprintKey(b"k")).one().text(f"a=1&{name}={VALUE}&b=2")


def _capture_header(name: str) -> str:
    return str(Masker(FingerprintKey(b"k")).one().headers([(name, VALUE)]))


def _capture_body(name: str) -> str:
    return str(Masker(FingerprintKey(b"k")).one().body(json.dumps({name: VALUE}).encode()))


def _capture_query(name: str) -> str:
    return Masker(FingerprintKey(b"k")).one().target(f"/x/?{name}={VALUE}")


def _page_columns(name: str) -> str:
    return str(masking.value({"rows": [{name: {"deep": [VALUE]}}]}))


def _log(formatter: logging.Formatter, message: str, **fields: Any) -> str:
    record = logging.LogRecord("x", logging.INFO, "x", 1, message, (), None)
    record.fields = fields
    return formatter.format(record)


def _curl(name: str, body: bytes | None, *headers: tuple[str, str]) -> str:
    return curl.curl(Request("POST", f"/x/?{name}=1", headers, body), "http://localhost")


USERS: dict[str, Callable[[str], str]] = {
    "capture: JSON": _capture_json,
    "capture: body": _capture_body,
    "capture: nested": lambda name: str(Masker(FingerprintKey(b"k")).one().json([{name: {"a": [VALUE]}}])),
    "capture: JSON in text": lambda name: str(
        Masker(FingerprintKey(b"k")).one().json({"text": json.dumps({name: VALUE})})
    ),
    "capture: form": _capture_form,
    "capture: header": _capture_header,
    "capture: query": _capture_query,
    "page: JSON": lambda name: str(masking.body(json.dumps({name: VALUE}).encode())),
    "page: nested": _page_columns,
    "page: header": lambda name: str(masking.headers([(name.encode(), VALUE.encode())])),
    "page: query": lambda name: masking.query(f"{name}={VALUE}".encode()),
    "page: form": lambda name: str(masking.body(f"a=b&{name}={VALUE}".encode())),
    "page: difference": lambda name: str(masking.at(f"/json/{name}/0", VALUE)),
    "report: JSON": lambda name: str(report.body(json.dumps({name: VALUE}).encode())),
    "report: nested": lambda name: str(report.value({"a": [{name: {"b": VALUE}}]})),
    "report: column": lambda name: str(report.value(VALUE, name)),
    "report: header": lambda name: str(report.masked([(name, VALUE)])),
    "report: broken JSON": lambda name: str(report.body(f'{{"{name}": "{VALUE}",}}'.encode())),
    "curl: JSON": lambda name: _curl("x", json.dumps({name: VALUE}).encode()),
    "curl: form": lambda name: _curl("x", f"{name}={VALUE}".encode()),
    "curl: header": lambda name: _curl("x", None, (name, VALUE)),
    "curl: query": lambda name: curl.curl(Request("GET", f"/?{name}={VALUE}", (), None), ""),
    "log: field": lambda name: _log(JsonLines(), "message", **{name: VALUE}),
    "log: message": lambda name: _log(TextLines(), f"refused {name}={VALUE}"),
    "log: dictionary": lambda name: _log(TextLines(), f"parameters: { {name: VALUE} }"),
}  # fmt: skip


@pytest.mark.parametrize("user", USERS)
def test_all_users_of_the_rule_agree(user: str) -> None:
    shown = {name for name in [*SECRET, *OPEN] if VALUE in USERS[user](name)}
    assert shown == set(OPEN)


def test_the_table_is_long_enough() -> None:
    assert len(set(SECRET)) >= 40
    assert len(set(OPEN)) >= 30


@pytest.mark.parametrize("value", [None, "", True, False])
def test_what_can_be_no_secret_is_never_hidden(value: object) -> None:
    document = {"change_password": value}
    assert Masker(FingerprintKey(b"k")).one().json(document) == document
    assert masking.value(document) == document
    assert report.value(document) == document


def test_numbers_are_secrets_too() -> None:
    for shown in (
        str(Masker(FingerprintKey(b"k")).one().json({"pin": 4711})),
        str(masking.value({"pin": 4711})),
        str(report.value({"pin": 4711})),
        str(report.body(b'{"pin": 4711,}')),
    ):
        assert "4711" not in shown


def test_commands_are_quoted_for_any_shell() -> None:
    name, body = "it's", b'{"a": "it\'s $HOME `id`"}'
    command = curl.curl(
        Request("POST", "/x/?q=';id;'", (("X-A", f"{name} $HOME"),), body), "http://h"
    )
    assert shlex.split(command) == [
        "curl", "-i", "-X", "POST", "http://h/x/?q=';id;'", "-H", "X-A: it's $HOME",
        "--data-binary", body.decode(),
    ]  # fmt: skip


# --- the scanners: at least what the patterns before them masked, in time that grows with length only

_OLD_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*")
_OLD_JSON = re.compile(r'("(?P<name>[\w.\- ]{2,60})"\s*:\s*")(?P<value>(?:[^"\\]|\\.)*)', re.DOTALL)
_OLD_FORM = re.compile(r"(?:^|[&?;])(?P<name>[\w.\-%\[\]]{2,60})=(?P<value>[^&;\s\"<>]*)")
_OLD_PART = re.compile(
    r';\s*name="?(?P<name>[\w.\-]{2,60})"?(?:;[^\r\n]*)?\r?\n(?:[^\r\n]+\r?\n)*\r?\n'
    r"(?P<value>.*?)(?=\r?\n--|\Z)",
    re.DOTALL,
)
_OLD_NAMES = frozenset(
    ("pwd", "passwd", "passphrase", "authorization", "credentials", "otp", "pin")
)
_OLD_ENDINGS = ("password", "passwd", "secret", "token", "apikey", "privatekey", "accesskey")


def _was_secret(name: str) -> bool:
    bare = name.strip().lower().replace("-", "").replace("_", "").replace(" ", "")
    return bare in _OLD_NAMES or bare.endswith(_OLD_ENDINGS)


def _old_spans(text: str) -> list[tuple[int, int]]:
    spans = [match.span() for match in _OLD_TOKEN.finditer(text)]
    for pattern in (_OLD_JSON, _OLD_FORM, _OLD_PART):
        spans += [m.span("value") for m in pattern.finditer(text) if _was_secret(m["name"])]
    return [span for span in spans if span[0] < span[1]]


_PIECES = st.sampled_from([
    "eyJ", "eyJabcde", "eyJhbGciO", ".", "x", "-", "_", "=", "&", ";", "?", " ", "\r\n", "\n", "--", '"', ":", "\\",
    '"password"', '"a b"', '"api key"', "password", "token", "name=", 'name="pwd"', '; name="secret"', "; name=pin",
    ": form-data", "a", "api-key", "[", "]", "%", "value", '{"', "é", "\t",
])  # fmt: skip


@given(st.lists(_PIECES, max_size=24).map("".join))
@settings(max_examples=1500, deadline=None)
def test_the_scanners_mask_at_least_what_the_patterns_masked(text: str) -> None:
    # every character marks its own place, so that what is left shows what was not masked
    masked = scan.hidden(text, "\0")
    kept = _kept(text, masked)
    for start, end in _old_spans(text):
        assert not kept[start:end].strip("\0"), (text, masked, text[start:end])


@pytest.mark.parametrize("token", ["eyJabcde.ab.", "eyJabcde.ab.c-d_e", "x.eyJabcde.ab.c"])
def test_the_shortest_token_is_one(token: str) -> None:
    assert _OLD_TOKEN.search(token)
    assert scan.replace_tokens(f"({token})", lambda _: "-") in ("(-)", "(x.-)")
    assert scan.replace_tokens("eyJabcd.ab.c eyJabcde.a.c", lambda _: "-") == (
        "eyJabcd.ab.c eyJabcde.a.c"
    )


def _kept(text: str, masked: str) -> str:
    """The text with NUL where it was masked: what is left is found again in order, from both ends."""
    result, at = [], 0
    pieces = re.split("\0+", masked)
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        start = len(text) - len(piece) if last and number else text.index(piece, at)
        result.append("\0" * (start - at) + piece)
        at = start + len(piece)
    return "".join(result)


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ", "eyJabcdefgh.", "eyJa.", ";name=\"aa\"", "; name=\"password\"\n", "; name=\"password\"",
        ";\n", '"aa":', '"password" ', '"password":"', "&password=", "&aa", "name=", " name=", "$2b$10$",
        "<b>", "\n\n", "\r\n-", "'pwd': ", "%61=",
    ],
)  # fmt: skip
def test_the_time_of_a_text_grows_as_its_length(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        best = 9e9
        for _ in range(3):
            began = time.thread_time()
            masking.text(text)
            Masker(FingerprintKey(b"k")).one().text(text)
            report.text(text)
            best = min(best, time.thread_time() - began)
        return best

    ratios = []
    for _ in range(4):
        ratios.append(seconds(160_000) / max(seconds(80_000), 1e-4))
        if ratios[-1] < 3:
            return
    pytest.fail(f"twice the text took {ratios} times as long")


def test_words_of_names() -> None:
    assert secrets.words("newPassword-2") == ["new", "password", "2"]
    assert secrets.words("X-API-Key") == ["x", "api", "key"]
    assert secrets.words("APIKey.v1") == ["api", "key", "v", "1"]
