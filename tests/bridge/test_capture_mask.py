"""No secret survives in a record, and what is no secret stays as it was sent."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from parity_core.capture.fingerprint import FingerprintKey, open_key
from parity_core.capture.mask import Masker
from parity_core.capture.raw import Raw, without_secrets
from parity_core.capture.record import Body, Recorded, from_line, to_line
from parity_core.compare.tokens import mint

KEY = FingerprintKey(b"of the tests")
PASSWORD = "Correct-horse1!"
TOKEN = mint({"sub": "admin", "exp": 3600}, "a secret", 1_800_000_000)


def record(body: bytes = b"", reply: bytes = b"", target: str = "/", **told: Any) -> Recorded:
    headers = tuple(told.pop("headers", {}).items())
    masker = Masker(KEY, told.pop("mask", ()))
    raw = Raw(
        at=1_800_000_000.0, took=0.1, method="POST", target=target, request_headers=headers,
        request_body=Body(body), status=200, reply_headers=tuple(told.pop("answered", {}).items()),
        reply_body=Body(reply), address="10.0.0.1",
    )  # fmt: skip
    return without_secrets(raw, masker, told.pop("limit", 10_000))


MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nCorrect-horse1!\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\xff\xfe\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"password": PASSWORD}).encode(),
        json.dumps({"user": {"new-password": PASSWORD, "n": 1}}).encode(),
        json.dumps([{"apiKey": PASSWORD}]).encode(),
        json.dumps({"secret": {"deep": [PASSWORD]}, "again": PASSWORD}).encode(),
        json.dumps({"text": json.dumps({"password": PASSWORD})}).encode(),
        b'{"password": "Correct-horse1!",}',
        b'{"p\\u0061ssword": "Correct-horse1!"}',
        json.dumps({"password": PASSWORD}).encode("utf-16"),
        b"username=me&password=Correct-horse1%21&x=1",
        MULTIPART,
    ],
    ids=str,
)
def test_a_password_is_masked_however_it_is_written(body: bytes) -> None:
    line = to_line(record(body, reply=b"you said Correct-horse1! just now"))
    for form in (PASSWORD, "Correct-horse1%21"):
        assert form not in line
        assert base64.b64encode(form.encode()).decode()[:16] not in line
    assert "<masked>" in line or "PG1hc2tlZD4" in line


def test_a_masked_multipart_body_keeps_its_file() -> None:
    kept = record(MULTIPART).request_body.content
    assert b"\xff\xfe" in kept
    assert b'name="password"\r\n\r\n<masked>\r\n--x' in kept


def test_what_has_no_secret_is_kept_to_the_byte() -> None:
    body = b'{"b": 1.10, "a": 1, "a": 2,  "price": null, "pwd_last_change": "2026-01-01"}'
    assert record(body).request_body.content == body


def test_tokens_become_their_users_fingerprint_wherever_they_are() -> None:
    found = record(
        json.dumps({"note": f"see {TOKEN}"}).encode(),
        json.dumps({"token": TOKEN, "id": 5}).encode(),
        target=f"/x/?token={TOKEN}&y=1",
        headers={"Authorization": f"Bearer {TOKEN}", "X-Trace": TOKEN},
        answered={"Location": f"/y/?t={TOKEN}"},
    )
    line = to_line(found)
    assert TOKEN not in line
    assert TOKEN.split(".")[2] not in line
    assert found.user == KEY.subject("admin")
    assert json.loads(found.reply_body.content) == {"token": f"<token {found.user}>", "id": 5}
    assert found.user in found.target
    assert not found.expired


def test_a_token_says_when_it_had_expired_and_when_it_is_none() -> None:
    old = mint({"sub": "admin", "exp": -60}, "a secret", 1_800_000_000)
    assert record(headers={"Authorization": f"Bearer {old}"}).expired
    assert record(headers={"Authorization": "Bearer nonsense"}).opaque


def test_an_opaque_token_is_the_user_of_the_log_in_that_gave_it() -> None:
    login = record(reply=json.dumps({"access_token": "0123456789abcdef"}).encode())
    later = record(headers={"Authorization": "Bearer 0123456789abcdef"})
    assert f"<token {later.user}>" in login.reply_body.content.decode()


def test_cookies_and_configured_names_are_masked() -> None:
    found = record(
        json.dumps({"iban": "DE02 1203 0000", "name": "x"}).encode(),
        headers={"Cookie": "session=abcdefgh; theme=dark", "X-Tenant": "acme-corporation"},
        answered={"Set-Cookie": "session=ijklmnop; Path=/; SameSite=Strict"},
        reply=b"session abcdefgh ijklmnop Strict",
        mask=["iban", "x-tenant"],
    )
    line = to_line(found)
    for secret in ("abcdefgh", "ijklmnop", "DE02", "acme-corporation"):
        assert secret not in line
    assert found.reply_body.content == b"session <masked> <masked> Strict"


def test_basic_credentials_leave_only_the_user() -> None:
    told = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    found = record(headers={"Authorization": f"Basic {told}"})
    assert found.user == KEY.subject("admin")
    assert told not in to_line(found)


def test_compressed_bodies_are_masked_and_bombs_left_out() -> None:
    body = json.dumps({"password": PASSWORD}).encode()
    found = record(gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert json.loads(found.request_body.content) == {"password": "<masked>"}
    assert found.request_body.encoding == "gzip"
    bomb = record(gzip.compress(b"0" * 1_000_000), headers={"Content-Encoding": "gzip"})
    assert not bomb.request_body.is_whole
    unreadable = record(b"no gzip " + PASSWORD.encode(), headers={"Content-Encoding": "gzip"})
    assert not unreadable.request_body.is_whole
    assert PASSWORD not in to_line(unreadable)


@pytest.mark.parametrize(
    "body", [b"", b"text", b"\xff\x00", "é\ud800".encode(errors="surrogatepass")]
)
def test_a_line_says_all_of_a_record(body: bytes) -> None:
    found = record(body, headers={"X-A": "1"}, target="/a%20b?x=%C3%A9")
    assert from_line(to_line(found).encode()) == found


def test_a_folder_has_one_key_for_all_workers(tmp_path: Path) -> None:
    first, second = open_key(tmp_path / "new"), open_key(tmp_path / "new")
    assert first.subject("x") == second.subject("x")
    assert open_key(tmp_path / "other").subject("x") != first.subject("x")
    assert (tmp_path / "new" / "capture.key").stat().st_mode & 0o77 == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["capture.key"]


def test_a_sample_is_about_its_share() -> None:
    chosen = sum(KEY.is_in_sample(KEY.subject(number), 0.1) for number in range(5000))
    assert 400 < chosen < 600
