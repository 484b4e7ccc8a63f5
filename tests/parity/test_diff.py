"""What counts as a difference, and where it is said to be."""

from typing import Any

import pytest

from parity_core.compare.correspond import Correspondence
from parity_core.compare.diff import diff
from parity_core.compare.rules import Rules, parse
from parity_core.model import MISSING, Change, Difference, Pair, RowChange, Side
from tests.parity.conftest import exchange, pair

NO_RULES = Rules()


def places(found: list[Difference]) -> list[str]:
    return [difference.place for difference in found]


def compare(one: Pair, rules: Rules = NO_RULES, seen: Correspondence | None = None) -> list[str]:
    return places(diff(one, rules, seen or Correspondence()))


def headers(legacy: dict[str, str], ported: dict[str, str]) -> list[str]:
    sides = exchange(Side.LEGACY, headers=legacy), exchange(Side.PORTED, headers=ported)
    return compare(pair(*sides))


@pytest.mark.parametrize(
    ("legacy", "ported", "expected"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, []),
        ({"a": 1}, {"a": 1.0}, ["body/a"]),
        ({"a": 1}, {"a": True}, ["body/a"]),
        ({"a": None}, {}, ["body/a"]),
        ({}, {"a": None}, ["body/a"]),
        ({"a": "x"}, {"a": None}, ["body/a"]),
        ([1, 2], [2, 1], ["body"]),
        ([1, 2], [1, 2, 3], ["body/2"]),
        ([{"id": 1}], [{"id": 2}], ["body/0/id"]),
        ({"a/b": 1, "~": 2}, {"a/b": 2, "~": 3}, ["body/a~1b", "body/~0"]),
        (b"plain", b"plain", []),
        (b"plain", b"other", ["body"]),
        (b"{}", b"", ["body"]),
        (b"\xff\x00", b"\xff\x01", ["body"]),
        (b"NaN", b"NaN", []),
        (b"[" * 100_000, b"[" * 100_000, []),
    ],
)
def test_bodies_are_compared_by_value(legacy: Any, ported: Any, expected: list[str]) -> None:
    assert compare(pair(legacy, ported)) == expected


def test_missing_is_not_null() -> None:
    (found,) = diff(pair({"a": None}, {}), NO_RULES, Correspondence())
    assert found.legacy is None
    assert found.ported is MISSING


def test_the_same_items_in_another_order_are_one_difference() -> None:
    (found,) = diff(
        pair([{"n": i} for i in range(9)], [{"n": 8 - i} for i in range(9)]),
        NO_RULES,
        Correspondence(),
    )
    assert (found.place, found.why) == ("body", "the same items in another order")


def test_a_dictionary_written_as_text_is_compared_as_a_dictionary() -> None:
    one = {"error": "{'json': {'a': ['Missing.'], 'b': ['Wrong.']}}"}
    other = {"error": "{'json': {'b': ['Wrong.'], 'a': ['Missing.']}}"}
    wrong = {"error": "{'json': {'b': ['Wrong.'], 'a': ['missing.']}}"}
    assert compare(pair(one, other)) == []
    assert compare(pair(one, wrong)) == ["body/error/json/a/0"]


def test_a_stacks_own_address_is_no_difference() -> None:
    assert (
        compare(pair({"url": "http://127.0.0.1:1001/a"}, {"url": "http://127.0.0.1:2002/a"})) == []
    )
    assert compare(pair(b"see http://127.0.0.1:1001/a", b"see http://127.0.0.1:2002/a")) == []
    assert compare(
        pair({"url": "http://127.0.0.1:1001/a"}, {"url": "http://127.0.0.1:2002/b"})
    ) == ["body/url"]


def test_status_and_a_reply_that_did_not_come() -> None:
    assert compare(pair(exchange(Side.LEGACY), exchange(Side.PORTED, status=201))) == ["status"]
    assert compare(pair(exchange(Side.LEGACY), exchange(Side.PORTED, status=None))) == ["status"]


@pytest.mark.parametrize(
    ("name", "legacy", "ported", "same"),
    [
        ("Allow", "GET, HEAD, OPTIONS", "OPTIONS, GET, HEAD", True),
        ("Allow", "GET, HEAD, OPTIONS", "GET, HEAD", False),
        ("Content-Type", "text/html; charset=utf-8", "text/html;charset=UTF-8", True),
        ("Content-Type", "text/html; charset=utf-8", "text/html", False),
        ("Location", "http://127.0.0.1:1001/a/", "http://127.0.0.1:2002/a/", True),
        ("Location", "http://127.0.0.1:1001/a/", "/a/", False),
        ("ETag", '"a"', '"b"', True),
        ("Vary", "Origin, Accept", "accept, origin", True),
        ("Cache-Control", "no-store, max-age=0", "max-age=0, no-store", True),
        ("Content-Disposition", "attachment; filename=a", "attachment; filename=b", False),
        ("Date", "one", "other", True),
        ("Set-Cookie", "session=a; Path=/; HttpOnly", "session=b; Path=/; HttpOnly", True),
        ("Set-Cookie", "session=a; Path=/; HttpOnly", "session=b; Path=/", False),
    ],
)
def test_headers_that_matter(name: str, legacy: str, ported: str, same: bool) -> None:
    assert headers({name: legacy}, {name.lower(): ported}) == (
        [] if same else [f"header/{name.lower()}"]
    )


def test_a_header_that_only_one_side_sends() -> None:
    assert headers({"ETag": '"a"'}, {}) == ["header/etag"]


def row(
    key: int, change: Change = Change.INSERTED, table: str = "users", **values: Any
) -> RowChange:
    after = {"id": key, **values}
    before = {"id": key} if change is not Change.INSERTED else {}
    return RowChange(
        table, change, (key,), before, {} if change is Change.DELETED else after, ("id",)
    )


def rows(legacy: list[RowChange], ported: list[RowChange], rules: Rules = NO_RULES) -> list[str]:
    return compare(
        pair(exchange(Side.LEGACY, rows=legacy), exchange(Side.PORTED, rows=ported)), rules
    )


IDS = Rules(
    [
        parse({"place": "rows/users/*/id", "kind": "id:users"}),
        parse({"place": "body/id", "kind": "id:users"}),
    ]
)


@pytest.mark.parametrize(
    ("legacy", "ported", "expected"),
    [
        ([row(5, name="a")], [row(5, name="a")], []),
        ([row(5, name="a")], [row(5, name="b")], ["rows/users/5/name"]),
        ([row(5, name="a")], [row(5)], ["rows/users/5/name"]),
        ([row(5)], [], ["rows/users/5"]),
        ([], [row(5)], ["rows/users/5"]),
        ([row(5)], [row(5), row(6)], ["rows/users/6"]),
        ([row(5)], [row(6)], ["rows/users/5/id"]),
        ([row(5, Change.UPDATED, name="a")], [row(5, Change.UPDATED)], ["rows/users/5/name"]),
        ([row(5, Change.DELETED)], [row(5, Change.UPDATED, deleted_at="now")], ["rows/users/5"]),
    ],
)
def test_rows(legacy: list[RowChange], ported: list[RowChange], expected: list[str]) -> None:
    assert rows(legacy, ported) == expected


def test_rows_with_other_ids_are_paired_by_what_they_hold() -> None:
    legacy = [row(5, name="a"), row(6, name="b")]
    assert rows(legacy, [row(6, name="a"), row(7, name="b")], IDS) == []
    assert rows(legacy, [row(6, name="b"), row(7, name="a")], IDS) == []


def test_a_body_must_agree_with_the_rows_of_its_step() -> None:
    seen = Correspondence()
    legacy = exchange(Side.LEGACY, {"id": 5}, rows=[row(5)])
    assert compare(pair(legacy, exchange(Side.PORTED, {"id": 8}, rows=[row(8)])), IDS, seen) == []
    assert compare(pair({"id": 5}, {"id": 8}, step=2), IDS, seen) == []
    assert compare(pair({"id": 5}, {"id": 5}, step=3), IDS, seen) == ["body/id"]
    assert compare(pair({"id": 6}, {"id": 8}, step=4), IDS, seen) == ["body/id"]


def test_what_left_the_stack_is_compared() -> None:
    mail = {"to": ["a@b.c"], "subject": "x"}
    one = exchange(Side.LEGACY, effects={"mail": [mail]})
    assert compare(pair(one, exchange(Side.PORTED, effects={"mail": [mail]}))) == []
    assert compare(pair(one, exchange(Side.PORTED, effects={"mail": []}))) == ["mail/0"]
    other = exchange(Side.PORTED, effects={"mail": [{**mail, "subject": "y"}]})
    assert compare(pair(one, other)) == ["mail/0/subject"]
