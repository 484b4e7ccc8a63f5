"""Accepted differences: exact, owned, and worn out one day; what a request did is never accepted with its reply."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from parity_core.compare import waivers
from parity_core.compare.correspond import Correspondence
from parity_core.compare.diff import diff
from parity_core.compare.rules import Rules, parse
from parity_core.files import waivers_toml
from parity_core.model import (
    MISSING,
    Change,
    Difference,
    Exchange,
    Pair,
    ParityError,
    Request,
    RowChange,
    Side,
    Waiver,
)
from tests.parity.conftest import exchange, pair

TODAY = date(2027, 1, 15)
FAILED = {"error": "failed"}
REFUSED = {"error": "no <Thing 7>"}
PAIR = pair(
    exchange(Side.LEGACY, FAILED, status=500),
    exchange(Side.PORTED, REFUSED, status=404),
    operation="GET /a/<int:i>/",
)


def waiver(**more: Any) -> Waiver:
    told: dict[str, Any] = {
        "operation": "GET /a/*",
        "legacy": {"status": 500, "body": FAILED},
        "ported": {"status": 404, "body": REFUSED},
        "owner": "me",
        "reason": "why",
        "expires": date(2027, 2, 1),
    }
    return waivers.parse(told | more)


def value(place: Any, legacy: Any, ported: Any, **more: Any) -> Waiver:
    return waiver(place=place, legacy=legacy, ported=ported, **more)


def covers(one: Waiver, place: str = "status", legacy: Any = 500, ported: Any = 404) -> bool:
    return waivers.covers(one, PAIR, Difference(place, legacy, ported), "sqlite", TODAY)


def ported(status: int = 404, **body: Any) -> dict[str, Any]:
    return {"ported": {"status": status, **body}}


@pytest.mark.parametrize(
    ("more", "covered"),
    [
        ({}, True),
        ({"operation": "POST /a/*"}, False),
        ({"legacy": {"status": 501, "body": FAILED}}, False),
        ({"legacy": {"status": 500, "body": {"error": "failed", "more": 1}}}, False),
        (ported(400, body=REFUSED), False),
        (ported(body={"error": "no"}), False),
        (ported(body='{"error": "no <Thing 7>"}'), True),
        (ported(body_matches=r'\{"error": "no <Thing \d+>"\}'), True),
        (ported(body_matches=r"no <Thing \d+>"), False),
        (ported(body={"error": {"matches": r"no <Thing \d>"}}), True),
        (ported(body={"error": {"one_of": ["yes", "no <Thing 7>"]}}), True),
        (ported(body={"error": {"one_of": ["yes", {"json": "null"}]}}), False),
        ({"request": {"path": "/x/"}}, True),
        ({"request": {"path": "/"}}, False),
        ({"request": {"query": "a=1"}}, False),
        ({"request": {"headers": {"Accept": "^text"}}}, False),
        ({"request": {"headers": {"Accept": "^$"}}}, True),
        ({"database": "sqlite"}, True),
        ({"database": "postgresql"}, False),
        ({"expires": TODAY}, True),
        ({"expires": date(2027, 1, 14)}, False),
    ],
)
def test_a_waiver_covers_no_more_than_it_says(more: dict[str, Any], covered: bool) -> None:
    assert covers(waiver(**more)) is covered
    assert covers(waiver(**more), "body/error") is covered


@pytest.mark.parametrize(
    "place", ["rows/things/7", "rows/things/7/name", "mail/0", "folder/0", "more"]
)
def test_a_reply_is_not_what_a_request_did(place: str) -> None:
    assert not covers(waiver(), place)


def test_of_headers_it_covers_those_that_it_names() -> None:
    sides = (
        exchange(Side.LEGACY, FAILED, 500, {"vary": "Origin"}),
        exchange(Side.PORTED, REFUSED, 404, {"x-a": "1"}),
    )
    places = {"x-a": (MISSING, "1"), "vary": ("Origin", MISSING)}
    headers = {
        "legacy": {"status": 500, "body": FAILED, "headers": {"X-A": {"missing": True}}},
        "ported": {"status": 404, "body": REFUSED, "headers": {"X-A": "1"}},
    }
    one = replace(PAIR, legacy=sides[0], ported=sides[1])
    for more, expected in (({}, []), (headers, ["x-a"])):
        accepted = [
            name
            for name, values in places.items()
            if waivers.covers(
                waiver(**more), one, Difference(f"header/{name}", *values), "sqlite", TODAY
            )
        ]
        assert accepted == expected


def test_a_request_is_matched_by_its_body_whichever_way_it_is_written() -> None:
    one = waiver(request={"body": '"n": 1[,}]'})
    for body, expected in (
        (b'{"n":1}', True),
        (b'{"n":10}', False),
        (b"n: 1,", False),
        (None, False),
    ):
        asked = replace(PAIR, legacy=replace(PAIR.legacy, request=Request("GET", "/x/", (), body)))
        found = waivers.covers(one, asked, Difference("status", 500, 404), "sqlite", TODAY)
        assert found is expected, body


def test_a_body_may_repeat_what_was_sent() -> None:
    one = waiver(**ported(201, body_echoes={"note": {"json": "null"}}))
    for body, expected in (
        ({"name": "x", "note": None}, True),
        ({"name": "x", "note": "y"}, False),
        ({"name": "z", "note": None}, False),
        ({"name": "x"}, False),
        ({"name": "x", "note": None, "more": 1}, False),
    ):
        sides = exchange(Side.LEGACY, FAILED, 500), exchange(Side.PORTED, body, 201)
        for side in sides:
            side.request = Request("GET", "/x/", (), b'{"name": "x"}')
        asked = pair(*sides, operation="GET /a/<int:i>/")
        found = waivers.covers(one, asked, Difference("status", 500, 201), "sqlite", TODAY)
        assert found is expected, body


@pytest.mark.parametrize(
    ("one", "difference", "covered"),
    [
        (value("body/n", 1, 2), Difference("body/n", 1, 2), True),
        (value("body/n", 1, 2), Difference("body/n", True, 2), False),
        (value("body/n", 1, 2), Difference("body/n", 1, 3), False),
        (value("body/n", 1, 2), Difference("body/m", 1, 2), False),
        (value(["body/n", "body/*/n"], 1, 2), Difference("body/4/n", 1, 2), True),
        (value("body/n", 1, {"json": "null"}), Difference("body/n", 1, None), True),
        (value("body/n", 1, {"missing": True}), Difference("body/n", 1, MISSING), True),
        (value("body/n", 1, {"missing": True}), Difference("body/n", 1, None), False),
        (value("status", 500, 404, legacy_status=501), Difference("status", 500, 404), False),
        (value("rows/a/*/n", 1, 2), Difference("rows/a/7/n", 1, 2), True),
        (value("rows/a/*/n", 1, 2), Difference("rows/b/7/n", 1, 2), False),
    ],
)
def test_a_value_is_covered_by_place_and_both_values(
    one: Waiver, difference: Difference, covered: bool
) -> None:
    assert waivers.covers(one, PAIR, difference, "sqlite", TODAY) is covered


def test_expired_and_unused_waivers_are_problems() -> None:
    used, unused, expired = (
        waiver(),
        waiver(**ported(400, body="")),
        waiver(expires=date(2027, 1, 1)),
    )
    elsewhere = waiver(database="postgresql")
    every = [expired, unused, elsewhere, used]
    (found,) = waivers.accept(every, PAIR, [Difference("status", 500, 404)], "sqlite", TODAY)
    assert found.waiver is used
    told = waivers.problems(every, "sqlite", TODAY, complete=True)
    assert [text.split(":")[0] for text in told] == [
        "expired on 2027-01-01",
        "unused, so remove it",
    ]
    assert len(waivers.problems(every, "sqlite", TODAY, complete=False)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"owner": ""}, "owner missing"),
        ({"expires": "2027-01-01"}, "a date without quotes"),
        ({"because": "x"}, "unknown key because"),
        ({"operation": "*"}, "is every operation: say which"),
        ({"operation": "* /*"}, "is every operation: say which"),
        ({"place": "**"}, "rows and outgoing calls too"),
        ({"place": ["status", "**/name"]}, "rows and outgoing calls too"),
        ({"place": "rows/**"}, "names no table"),
        ({"place": "rows/*"}, "names no table"),
        ({"place": "rows/users"}, "the row that is expected"),
        ({"place": "mail/**"}, "no single thing that left a stack"),
        ({"legacy": 500}, "is the reply that is expected"),
        ({"legacy": {"status": 500}}, "says one of `body`"),
        ({"legacy": {"body": ""}}, "says no `status`"),
        (ported(body_matches=".*"), "accepts anything"),
        (ported(body_matches=r"[\s\S]*"), "accepts anything"),
        (ported(body_matches="("), "no regular expression"),
        ({"request": {"verb": "GET"}}, "unknown keys: verb"),
    ],
)
def test_a_waiver_that_says_too_little_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        waiver(**change)


def test_a_broken_file_names_itself_and_the_line(tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text('# first\n\n[[waiver]]\noperation = "x"\n')
    with pytest.raises(ParityError, match=r"waivers.toml:3: `waiver\[1\].owner`, .* are missing"):
        waivers_toml.load(file)
    assert waivers_toml.load(tmp_path / "none.toml") == []


def test_a_file_may_say_once_what_many_waivers_say(tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text(
        '[defaults]\nowner = "we"\nexpires = 2027-02-01\n'
        '[replies.failed]\nstatus = 500\nbody = { error = "failed" }\n'
        '[[waiver]]\noperation = "GET /a/*"\nreason = "why"\nlegacy = "failed"\n'
        'ported = { status = 404, body = { error = "no <Thing 7>" } }\n'
    )
    (one,) = waivers_toml.load(file)
    assert covers(one)
    assert str(one) == "waivers.toml:7 · GET /a/* · reply 500 → 404 (owner we: why)"
    file.write_text(file.read_text().replace('legacy = "failed"', 'legacy = "fallen"'))
    with pytest.raises(ParityError, match=r"there is no \[replies.fallen\]"):
        waivers_toml.load(file)


# --- what a refusal leaves behind ---------------------------------------------------------------------------------

THING = {"id": 7, "name": "x", "state": 0, "note": None, "made_at": "2027-01-15 08:00:00"}
RULES = Rules(
    [
        parse({"place": "rows/things/*/id", "kind": "id:things"}),
        parse({"place": "rows/*/*/made_at", "kind": "timestamp"}),
        parse({"place": "calls/*/body/id", "kind": "id:things"}),
    ]
)
RUN = {"method": "POST", "path": "/runs", "body": {"id": 7}}
ASK = {"method": "GET", "path": "/runs", "body": None}


def thing(**more: Any) -> RowChange:
    row = THING | more
    return RowChange("things", Change.INSERTED, (row["id"],), {}, row, ("id",))


def left(
    legacy: Exchange | tuple[int, list[RowChange]],
    port: Exchange | tuple[int, list[RowChange]],
    *accepted: Waiver,
) -> list[str]:
    """The places that no waiver covers."""
    sides = [
        one if isinstance(one, Exchange) else exchange(side, None, one[0], rows=one[1])
        for side, one in ((Side.LEGACY, legacy), (Side.PORTED, port))
    ]
    asked: Pair = pair(sides[0], sides[1], operation="GET /a/<int:i>/")
    found = diff(asked, RULES, Correspondence())
    findings = waivers.accept(accepted, asked, found, "sqlite", TODAY)
    return [one.difference.place for one in findings if one.waiver is None]


STATUS = value("status", {"one_of": [500, 200, 302]}, 400)


def test_rows_of_a_refusal_are_a_difference_whatever_the_legacy_stored() -> None:
    for status in (500, 200, 302):
        assert left((status, []), (400, [thing()]), STATUS) == ["rows/things/7"]
        assert left((status, [thing()]), (400, [thing()]), STATUS) == ["rows/things/7"]
        assert left((status, [thing()]), (400, []), STATUS) == ["rows/things/7"]
        assert left((status, []), (400, []), STATUS) == []


def test_rows_that_both_refusals_left_are_the_legacys_behaviour() -> None:
    assert left((400, [thing()]), (400, [thing()])) == []
    assert left((400, [thing()]), (400, [thing(state=1)])) == ["rows/things/7/state"]
    assert left((404, [thing()]), (400, [thing()])) == ["status"]


def row_waiver(legacy: Any, port: Any, **more: Any) -> Waiver:
    return value("rows/things", legacy, port, **more)


NONE = {"missing": True}


def test_a_row_is_accepted_by_its_values_only() -> None:
    whole = {"id": 7, "name": "x", "state": 0, "made_at": {"matches": r"2027-01-15 [\d:]{8}"}}
    both = row_waiver({"inserted": {"state": 0}}, {"inserted": {"state": -1}})
    alone = row_waiver(NONE, {"inserted": whole})
    legacy, port = (500, [thing()]), (400, [thing(state=-1)])
    assert left(legacy, port, STATUS, both) == []
    assert left(legacy, (400, [thing(state=1)]), STATUS, both) == ["rows/things/7"]
    # a column that is not said is as in the legacy's row
    assert left(legacy, (400, [thing(state=-1, name="y")]), STATUS, both) == ["rows/things/7"]
    assert left((500, []), port, STATUS, both) == ["rows/things/7"]
    assert left((500, []), (400, [thing()]), STATUS, alone) == []
    assert left((500, []), (400, [thing(note="more")]), STATUS, alone) == ["rows/things/7"]
    # where there is no row of the legacy, all is said
    less = row_waiver(NONE, {"inserted": whole | {"made_at": "x"}})
    assert left((500, []), (400, [thing()]), STATUS, less) == ["rows/things/7"]
    gone = row_waiver({"inserted": whole}, NONE)
    assert left((500, [thing()]), (400, []), STATUS, gone) == []
    assert left((500, [thing(state=3)]), (400, []), STATUS, gone) == ["rows/things/7"]


def test_a_row_waiver_covers_one_row_unless_it_says_more() -> None:
    whole = {"id": {"one_of": [7, 8]}, "name": "x", "state": 0, "made_at": THING["made_at"]}
    rows = [thing(), thing(id=8)]
    one = row_waiver(NONE, {"inserted": whole})
    assert left((500, []), (400, rows), STATUS, one) == ["rows/things/8"]
    two = row_waiver(NONE, {"inserted": whole}, at_most=2)
    assert left((500, []), (400, rows), STATUS, two) == []


def test_calls_of_a_refusal_are_a_difference_unless_they_only_ask() -> None:
    def call(status: int, *calls: Any) -> Exchange:
        side = Side.LEGACY if status == 500 else Side.PORTED
        return exchange(side, None, status, effects={"calls": list(calls)})

    accepted = value("calls/*", RUN, RUN)
    assert left(call(500, RUN), call(400, RUN), STATUS) == ["calls/0"]
    assert left(call(500, RUN), call(400, RUN), STATUS, accepted) == []
    assert left(call(500, RUN), call(400, RUN, RUN), STATUS, accepted) == ["calls/1"]
    assert left(call(500), call(400, RUN), STATUS, accepted) == ["calls/0"]
    assert left(call(500, ASK), call(400, ASK), STATUS) == []
    assert left(call(500, ASK), call(400, ASK, ASK), STATUS) == ["calls/1"]
    other = RUN | {"body": {"id": 8}}
    both = value("calls/*", {"one_of": [RUN, other]}, {"one_of": [RUN, other]})
    known = Correspondence()
    known.meet("things", 7, 7)
    asked = pair(call(500, RUN), call(400, other), operation="GET /a/<int:i>/")
    found = [one.place for one in diff(asked, RULES, known)]
    assert found == ["status", "calls/0", "calls/0/body/id"], "an id that does not correspond"
    assert left(call(500, RUN), call(400, other), STATUS, both) == []


def test_what_is_too_much_to_tell_is_never_accepted() -> None:
    many = value("body/*", 1, 2)
    sides = exchange(Side.LEGACY, [1] * 300), exchange(Side.PORTED, [2] * 300)
    assert left(*sides, many) == ["more"]
    assert left(*sides)[-1] == "more"
