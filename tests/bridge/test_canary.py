"""Who is in a canary's share: the same on every replica, and never out again while it grows."""

import base64
import json

import pytest
from starlette.types import Scope

from legacy_bridge.bridge import census_of
from legacy_bridge.modes.canary import Sticky, StickyError, identity, number, seed_of
from legacy_bridge.modes.decisions import Decisions, decide
from legacy_bridge.modes.state import KILL, SALT, STICKY, Note, NoteKind, Stored, StoredMode, utc
from legacy_bridge.operations.operation import Assignment, AssignmentError, Mode, Operation, Stack
from legacy_bridge.stacks.edge import Headers
from tests.bridge.pair import PORTED, pair_rules

CENSUS = census_of(pair_rules(), PORTED)
THINGS, ADD = Operation("GET", "/thing/"), Operation("POST", "/thing/")
SCOPE: Scope = {"client": ("10.0.0.7", 4242)}


def jwt(subject: object, issued: int = 0) -> bytes:
    parts = ({"alg": "HS256"}, {"sub": subject, "iat": issued})
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b"Bearer " + b".".join([*coded, b"signature"])


def as_user(subject: object, issued: int = 0) -> Headers:
    return [(b"accept", b"*/*"), (b"authorization", jwt(subject, issued))]


def decisions(
    modes: dict[str, str], groups: dict[str, list[str]] | None = None, **settings: str
) -> Decisions:
    def note(**value: object) -> Note:
        return Note(value, utc(0), "me", "")

    notes = {
        NoteKind.GROUP: {name: note(operations=one) for name, one in (groups or {}).items()},
        NoteKind.SETTING: {
            name: note(value=one) for name, one in ({SALT: "pepper"} | settings).items()
        },
    }
    rows = {name: StoredMode(mode, utc(0), "me", "") for name, mode in modes.items()}
    return decide(Stored(1, rows, notes), CENSUS)


def stack_of(found: Decisions, operation: Operation, user: object) -> Stack:
    return found.decide(operation, as_user(user), SCOPE).primary


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("shadow", "shadow"),
        ("canary 5%", "canary 5%"),
        ("0.25%", "canary 0.25%"),
        ("25", "canary 25%"),
        ("canary 100", "canary 100%"),
    ],
)
def test_modes_read_as_they_are_written(text: str, shown: str) -> None:
    assert str(Assignment.parse(text)) == shown
    assert Assignment.parse(shown) == Assignment.parse(text)


@pytest.mark.parametrize("text", ["", "canary", "canary x", "101", "-1", "shadow 5%", "sometimes"])
def test_what_is_no_mode_is_refused(text: str) -> None:
    with pytest.raises(AssignmentError, match=r"canary|share"):
        Assignment.parse(text)


def test_a_user_is_known_by_the_token_s_subject_not_by_the_token() -> None:
    first, renewed = (
        identity(Sticky(), as_user(7), SCOPE),
        identity(Sticky(), as_user(7, 99), SCOPE),
    )
    assert first == renewed != identity(Sticky(), as_user(8), SCOPE)
    basic = [(b"authorization", b"Basic " + base64.b64encode(b"ann:one"))]
    other_password = [(b"authorization", b"Basic " + base64.b64encode(b"ann:two"))]
    assert identity(Sticky(), basic, SCOPE) == identity(Sticky(), other_password, SCOPE)


@pytest.mark.parametrize(
    "value",
    [b"Bearer a.b.c", b"Bearer x", b"Basic %%", b"", b"Bearer \xff.\xff.\xff", b"Bearer .W10."],
)
def test_whatever_is_sent_as_authorization_is_somebody(value: bytes) -> None:
    assert identity(Sticky(), [(b"authorization", value)], SCOPE)


def test_sticking_to_a_header_a_cookie_or_the_address() -> None:
    header, cookie = Sticky.parse("header:X-Tenant"), Sticky.parse("cookie:session")
    tenant: Headers = [(b"x-tenant", b"a"), *as_user(1)]
    same_tenant: Headers = [*as_user(2), (b"x-tenant", b"a")]
    assert identity(header, tenant, SCOPE) == identity(header, same_tenant, SCOPE)
    session: Headers = [(b"cookie", b"x=1; session=abc"), *as_user(1)]
    assert identity(cookie, session, SCOPE) == identity(
        cookie, [(b"cookie", b"session=abc")], SCOPE
    )
    assert identity(cookie, as_user(1), SCOPE) == identity(Sticky(), as_user(1), SCOPE)
    assert identity(Sticky(), [], SCOPE) != identity(Sticky(), [], {"client": ("10.0.0.8", 1)})
    for wrong in ("user:x", "header", "cookie:", "moon"):
        with pytest.raises(StickyError, match="cookie:NAME"):
            Sticky.parse(wrong)


def test_shares_are_what_they_say_and_grow_by_adding_users() -> None:
    users, before = range(4000), set[int]()
    for percent in (1, 5, 25, 50, 100):
        found = decisions({str(THINGS): f"canary {percent}%"})
        inside = {one for one in users if stack_of(found, THINGS, one) is Stack.PORTED}
        assert before <= inside, "who is in stays in"
        assert abs(len(inside) / len(users) - percent / 100) < 0.025
        before = inside
    assert len(before) == len(users)


NUMBERS = [8731, 6614, 7444, 5127]


def test_every_replica_decides_alike_and_every_installation_for_itself() -> None:
    # These numbers are what running replicas have computed: they must never change.
    assert [number(seed_of("pepper", "GET /thing/"), b"u%d" % one) for one in range(4)] == NUMBERS
    other = seed_of("salt", "GET /thing/")
    assert [number(other, b"u%d" % one) for one in range(4)] != NUMBERS


def test_a_group_picks_the_same_users_and_single_operations_do_not() -> None:
    modes = {str(THINGS): "canary 30%", str(ADD): "canary 30%"}
    together = decisions(modes, {"things": [str(THINGS), str(ADD)]})
    alone = decisions(modes)
    users = range(200)
    assert all(stack_of(together, THINGS, one) is stack_of(together, ADD, one) for one in users)
    assert any(stack_of(alone, THINGS, one) is not stack_of(alone, ADD, one) for one in users)


def test_each_mode_says_who_answers_and_who_is_compared() -> None:
    def both(mode: str) -> tuple[Stack, Stack | None]:
        found = decisions({str(THINGS): mode}).decide(THINGS, as_user(1), SCOPE)
        return found.primary, found.compared

    assert both("legacy") == (Stack.LEGACY, None)
    assert both("shadow") == (Stack.LEGACY, Stack.PORTED)
    assert both("canary 0%") == (Stack.LEGACY, Stack.PORTED)
    assert both("canary 100%") == (Stack.PORTED, None)
    assert both("mirror") == (Stack.PORTED, Stack.LEGACY)
    assert both("ported") == (Stack.PORTED, None)


def test_the_kill_switch_is_over_all_modes_and_keeps_them() -> None:
    rows = {"*": StoredMode("ported", utc(0), "me", "")}
    on = Note({"on": True}, utc(0), "me", "fire")
    killed = decide(Stored(1, rows, {NoteKind.SWITCH: {KILL: on}}), CENSUS)
    assert {one.mode for one in killed.modes.values()} == {Mode.LEGACY}
    assert not killed.options
    assert decide(Stored(2, rows), CENSUS).mode(THINGS) is Mode.PORTED


def test_a_wrong_setting_is_told_and_canaries_stick_to_users() -> None:
    found = decisions({}, None, **{STICKY: "moon"})
    assert "moon" in found.ignored[0]
    assert str(found.sticky) == "user"
