"""Hashes that libraries really make are known as such: masked in captures and reports, compared by scheme and cost."""

import time
from collections.abc import Callable

import bcrypt
import pytest
from passlib.hash import django_pbkdf2_sha256, pbkdf2_sha256, sha512_crypt
from werkzeug.security import generate_password_hash

from parity_core import password_hash
from parity_core.capture import scan
from parity_core.capture.fingerprint import FingerprintKey
from parity_core.capture.mask import MASKED, Masker
from parity_tests.report import masking as report

MAKERS: dict[str, Callable[[str], str]] = {
    "bcrypt": lambda text: bcrypt.hashpw(text.encode(), bcrypt.gensalt(4)).decode(),
    "werkzeug scrypt": lambda text: generate_password_hash(text, "scrypt:1024:8:1"),
    "werkzeug pbkdf2": lambda text: generate_password_hash(text, "pbkdf2:sha256:1000"),
    "django": lambda text: str(django_pbkdf2_sha256.using(rounds=1000).hash(text)),
    "passlib pbkdf2": lambda text: str(pbkdf2_sha256.using(rounds=1000).hash(text)),
    "crypt sha512": lambda text: str(sha512_crypt.using(rounds=1000).hash(text)),
    # argon2-cffi is not installed here: the form of its documentation
    "argon2": lambda text: "$argon2id$v=19$m=65536,t=3,p=4$" + "c2FsdHNhbHQ" + "$" + "R" * 43,
}


@pytest.fixture(params=MAKERS)
def stored(request: pytest.FixtureRequest) -> str:
    return MAKERS[request.param]("a password")


def test_a_hash_is_masked_wherever_it_stands(stored: str, tmp_path: object) -> None:
    text = f"row 7 ({stored!r}, 'ann')"
    assert stored not in scan.hidden(text, "(hidden)")
    assert stored not in report.unsigned(text)
    body = Masker(FingerprintKey(b"k" * 32)).one().body(f'{{"note": "{stored}"}}'.encode())
    assert stored not in str(body)
    assert MASKED in str(body)


def test_another_salt_is_the_same_scheme(stored: str, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["stored"]
    assert password_hash.scheme(stored) == password_hash.scheme(MAKERS[name]("another"))
    assert password_hash.scheme(stored + " ") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("scrypt:1024:8:1", "scrypt:1024:8:2"),
        ("pbkdf2:sha256:1000", "pbkdf2:sha256:1001"),
        ("pbkdf2:sha256:1000", "scrypt:1024:8:1"),
    ],
)
def test_another_cost_is_another_scheme(one: str, other: str) -> None:
    schemes = {password_hash.scheme(generate_password_hash("a", method)) for method in (one, other)}
    assert None not in schemes
    assert len(schemes) == 2


@pytest.mark.parametrize("text", ["it costs $2 or $5", "pbkdf2 is a function", "$6$", "scrypt:1:1"])
def test_words_are_no_hashes(text: str) -> None:
    assert password_hash.replace(text, "!") == text


@pytest.mark.parametrize("start", password_hash.STARTS)
def test_a_client_can_not_make_the_search_slow(start: str) -> None:
    began = time.thread_time()
    for tail in ("$", "0" * 9 + "$", "sha256:1000$" + "a" * 64 + "$", "v=1$m=1$"):
        password_hash.replace((start + tail) * 20_000, "!")
    assert time.thread_time() - began < 10
