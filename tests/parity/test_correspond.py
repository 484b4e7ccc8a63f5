"""Values that each stack generates itself must correspond, one to one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from parity_core.compare import tokens
from parity_core.compare.correspond import Correspondence, Window
from parity_core.compare.rules import Rule, parse

NOW = datetime(2027, 1, 15, 8, 0, 0, 123456, tzinfo=UTC)
STEP_1 = Window(NOW.timestamp(), NOW.timestamp(), 1)
STEP_2 = Window(NOW.timestamp() + 1, NOW.timestamp() + 1, 2)


def rule(kind: str, **more: Any) -> Rule:
    return parse({"place": "body/x", "kind": kind, **more})


def check(kind: str, legacy: Any, ported: Any, **more: Any) -> str | None:
    return Correspondence(secrets={"KEY": "k"}).check(rule(kind, **more), legacy, ported, STEP_1)


def test_ids_are_a_bijection() -> None:
    seen = Correspondence()
    assert seen.meet("users", 5, 7) is None
    assert seen.meet("users", 5, 7) is None
    assert "was 7 of the port before" in (seen.meet("users", 5, 8) or "")
    assert "was 5 of the legacy before" in (seen.meet("users", 6, 7) or "")
    assert seen.meet("roles", 5, 8) is None, "another namespace"
    assert seen.partner("users", 5) == 7
    assert seen.partner("users", 9) == 9


def test_an_id_is_not_the_same_number_as_text() -> None:
    assert check("id:users", 5, "5") == "int against str"


def iso(seconds: float = 0.0) -> str:
    return (NOW + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


PATH = {"pattern": r"^(?:(\d+)/)?(?:(\d+)/)?$", "group": "id:cases"}


def test_ids_inside_of_text_are_the_ids_that_have_met_even_if_the_texts_are_equal() -> None:
    seen = Correspondence()
    for legacy, ported in ((1, 2), (2, 3)):
        seen.meet("cases", legacy, ported)
    path = rule("pattern", **PATH)
    assert seen.check(path, "1/2/", "2/3/", STEP_1) is None
    assert seen.check(path, "1/", "2/", STEP_1) is None
    assert seen.check(path, "", "", STEP_1) is None
    assert "was 2 of the port before" in (seen.check(path, "1/", "1/", STEP_1) or "")
    assert "was 3 of the port before" in (seen.check(path, "1/2/", "2/2/", STEP_1) or "")
    assert seen.check(path, "1/2/", "2/", STEP_1)
    assert seen.check(path, "deep/1/", "deep/1/", STEP_1) is None
    assert "form" in (seen.check(path, "deep/1/", "deep/2/", STEP_1) or "")


@pytest.mark.parametrize(
    ("legacy", "ported", "wrong"),
    [
        (iso(), iso(0.2), ""),
        (iso(), iso(7200), "+7200.0 s apart"),
        (iso(), iso().replace("T", " "), "written"),
        (iso(), iso() + "Z", "written"),
        (iso(), iso()[:-3], "written"),
        ("Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2027 08:00:01 GMT", ""),
        ("soon", "late", "not timestamps"),
        (NOW.timestamp(), NOW.timestamp() + 1, ""),
        (1, "1", "int against str"),
    ],
)
def test_timestamps(legacy: Any, ported: Any, wrong: str) -> None:
    found = check("timestamp", legacy, ported)
    assert (wrong in found) if found and wrong else found is None and not wrong


def test_a_moment_stays_the_same_moment_in_later_steps() -> None:
    seen, moment = Correspondence(), rule("timestamp")
    assert seen.check(moment, iso(0), iso(0.05), STEP_1) is None
    # the legacy may take two times in one microsecond where the port takes them apart
    assert seen.check(moment, iso(0), iso(0.06), STEP_1) is None
    assert seen.check(moment, iso(0), iso(0.05), STEP_2) is None
    assert seen.check(moment, iso(0), iso(0.06), STEP_2) is None
    assert "another moment" in (seen.check(moment, iso(0), iso(1), STEP_2) or "")


def token(secret: str = "k", **claims: Any) -> str:
    told = {"sub": "a", "iat": 0, "exp": 3600} | claims
    return tokens.mint(told, secret, int(NOW.timestamp()))


@pytest.mark.parametrize(
    ("ported", "wrong"),
    [
        (token(), None),
        (token(iat=1, exp=3601), None),
        (token(sub="b"), "claim sub"),
        (token(exp=3603), "lasts 3600 s against 3603 s"),
        (token(iat=60, exp=3660), "claim iat"),
        (token(admin=True), "claims"),
        (token("other"), "the port's token is not signed with KEY"),
        ("x", "not both tokens"),
    ],
)
def test_tokens(ported: str, wrong: str | None) -> None:
    found = check("token", token(), ported, verify="KEY")
    assert found == wrong or (wrong is not None and found is not None and wrong in found)


def test_a_tokens_header_must_agree() -> None:
    other = tokens.mint({"sub": "a", "iat": 0, "exp": 3600}, "k", int(NOW.timestamp()), "HS512")
    assert "token headers" in (check("token", token(), other) or "")


@pytest.mark.parametrize(
    ("ported", "wrong"),
    [
        ("$2b$10$" + "b" * 53, None),
        ("$2b$12$" + "b" * 53, "scheme and cost"),
        ("$2a$10$" + "b" * 53, "scheme and cost"),
        ("$2b$10$" + "b" * 50, "60 characters against 57"),
        ("b" * 60, "not both password hashes"),
    ],
)
def test_password_hashes(ported: str, wrong: str | None) -> None:
    found = check("password_hash", "$2b$10$" + "a" * 53, ported)
    assert found == wrong or (wrong is not None and found is not None and wrong in found)


@pytest.mark.parametrize(
    ("ported", "wrong"),
    [
        ("scrypt:32768:8:1$" + "s" * 16 + "$" + "0" * 128, None),
        ("scrypt:16384:8:1$" + "s" * 16 + "$" + "0" * 128, "scheme and cost"),
        ("scrypt:32768:8:1$" + "s" * 16 + "$" + "x" * 128, "not both password hashes"),
    ],
)
def test_password_hashes_of_werkzeug(ported: str, wrong: str | None) -> None:
    found = check("password_hash", "scrypt:32768:8:1$" + "t" * 16 + "$" + "1" * 128, ported)
    assert found == wrong or (wrong is not None and found is not None and wrong in found)


def test_secrets_are_of_one_length_or_one_form() -> None:
    assert check("secret", "abc", "xyz") is None
    assert check("secret", "abc", "wxyz") == "3 characters against 4"
    assert check("secret", "abc", "wxyz", form="[a-z]{3,5}") is None
    assert "port" in (check("secret", "abc", "123", form="[a-z]{3,5}") or "")


def test_a_pattern_compares_the_text_around_and_the_groups_by_their_kind() -> None:
    told = {"pattern": "<b>(.*?)</b>", "group": "secret", "form": "[a-z]+"}
    assert check("pattern", "your <b>abc</b>.", "your <b>x</b>.", **told) is None
    assert "around" in (check("pattern", "your <b>abc</b>.", "his <b>abc</b>!", **told) or "")
    assert "form" in (check("pattern", "your <b>abc</b>.", "your <b>1</b>.", **told) or "")
    assert "form" in (check("pattern", "your <b>abc</b>.", "your abc.", **told) or "")


def test_a_minted_token_is_what_other_libraries_read() -> None:
    secret = "a secret as long as it should be"
    minted = tokens.mint({"sub": "é", "exp": 3600}, secret, int(datetime.now(UTC).timestamp()))
    claims = jwt.decode(minted, secret, ["HS256"])
    assert claims["sub"] == "é"
    assert json.dumps(tokens.parse(token()).header) == '{"alg": "HS256", "typ": "JWT"}'  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"place": "**", "kind": "secret"}, "which no rule relaxes"),
        ({"place": "status", "kind": "secret"}, "which no rule relaxes"),
        ({"place": "header/*", "kind": "secret"}, "which no rule relaxes"),
        ({"place": "body/x", "kind": "id"}, "id:namespace"),
        ({"place": "body/x", "kind": "pattern"}, "needs `pattern`"),
        ({"place": "body/x", "kind": "noise"}, "noise"),
        ({"place": "body/x", "kind": "secret", "ignore": True}, "unknown key ignore"),
    ],
)
def test_rules_that_would_relax_too_much_are_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(table)
