"""Lists that the legacy does not order: a permutation is the same, anything else is not."""

from pathlib import Path
from typing import Any

import pytest

from parity_core.compare.correspond import Correspondence
from parity_core.compare.diff import diff
from parity_core.compare.rules import Rules, parse
from parity_core.compare.unordered import Unordered
from parity_core.files import rules_toml
from parity_core.model import Change, Difference, ParityError, RowChange, Side
from parity_tests import config
from tests.parity.conftest import exchange, pair

LIST = Unordered("GET /x/", "body/items", "x.py: no order_by")
ID = parse({"place": "body/**/id", "kind": "id:things"})
ROW_ID = parse({"place": "rows/things/*/id", "kind": "id:things"})
RULES = Rules([ID, ROW_ID], [LIST])


def compare(one: Any, other: Any, operation: str = "GET /x/") -> list[Difference]:
    return diff(pair(one, other, operation=operation), RULES, Correspondence())


def items(*names: str) -> dict[str, Any]:
    return {"items": [{"name": name, "tags": ["a", "b"]} for name in names]}


def test_a_permutation_is_the_same() -> None:
    assert compare(items("a", "b", "c", "c"), items("c", "a", "c", "b")) == []


@pytest.mark.parametrize(
    ("ported", "place"),
    [
        (items("c", "a", "x"), "body/items/1/name"),
        (items("c", "a"), "body/items/1"),
        (items("c", "a", "b", "d"), "body/items/3"),
        (items("c", "a", "a"), "body/items/1/name"),
        (items("c", "a", "b", "a"), "body/items/3"),
        ({"items": [*reversed(items("a", "b", "c")["items"]), None]}, "body/items/3"),
    ],
)
def test_a_changed_a_missing_and_a_doubled_member_differ(ported: Any, place: str) -> None:
    assert [one.place for one in compare(items("a", "b", "c"), ported)] == [place]


def test_members_that_all_differ_meet_the_most_alike() -> None:
    """A difference that a waiver accepts is in every member: it must not make strangers partners."""
    one = {"items": [{"name": name, "secret": "told"} for name in "abc"]}
    other = {"items": [{"name": name, "secret": None} for name in "cab"]}
    found = compare(one, other)
    assert [difference.place for difference in found] == [
        f"body/items/{number}/secret" for number in range(3)
    ]


def test_what_lies_inside_a_member_keeps_its_order() -> None:
    ported = items("b", "a")
    ported["items"][0]["tags"].reverse()
    assert [one.place for one in compare(items("a", "b"), ported)] == ["body/items/1/tags"]


def test_another_lists_permutation_is_still_different() -> None:
    one, other = {"others": [1, 2], "items": []}, {"others": [2, 1], "items": []}
    assert [found.place for found in compare(one, other)] == ["body/others"]
    (found,) = compare(items("a", "b"), items("b", "a"), operation="GET /y/")
    assert found.why == "the same items in another order"


def test_members_are_known_by_the_ids_that_their_rows_have_met() -> None:
    """Two that look alike but for their ids: only who was made together belongs together."""
    seen = Correspondence()

    def inserted(key: str) -> RowChange:
        return RowChange("things", Change.INSERTED, (key,), {}, {"id": key}, ("id",))

    for legacy, ported in (("l1", "p1"), ("l2", "p2")):
        one = exchange(Side.LEGACY, {}, rows=[inserted(legacy)])
        other = exchange(Side.PORTED, {}, rows=[inserted(ported)])
        assert diff(pair(one, other), RULES, seen) == []
    both = {"items": [{"id": "l1"}, {"id": "l2"}]}
    assert diff(pair(both, {"items": [{"id": "p2"}, {"id": "p1"}]}), RULES, seen) == []
    assert diff(pair(both, {"items": [{"id": "p2"}, {"id": "p2"}]}), RULES, seen) != []


def test_of_an_operation_with_many_lists_only_the_named_ones_have_no_order() -> None:
    named = Unordered("GET /t/<n>/", "body", "x.py", paths=("/t/users/",))
    assert named.covers("GET /t/<n>/", "body", "/t/users/")
    assert not named.covers("GET /t/<n>/", "body", "/t/cases/")


@pytest.mark.parametrize(
    "text",
    [
        'operation = "GET /*"\nplace = "body"\nreason = "r"',
        'operation = "GET /x/"\nplace = "body/**"\nreason = "r"',
        'operation = "GET /x/"\nplace = "rows/users"\nreason = "r"',
        'operation = "GET /x/"\nplace = "body"\nreason = " "',
        'operation = "GET /x/"\nplace = "body"',
    ],
)
def test_an_entry_names_one_list_and_says_why(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(f"[[unordered]]\n{text}\n")
    with pytest.raises(ParityError, match=r"rules\.toml:1: `unordered\[1\]"):
        rules_toml.load(file, "sqlite")


def test_cornflows_lists_have_an_order_where_their_rows_have_one() -> None:
    path = config.load(config.DEFAULT).rules
    users = ("GET /user/", "body", "/user/")
    assert rules_toml.load(path, "postgresql").has_no_order(*users)
    assert not rules_toml.load(path, "sqlite").has_no_order(*users)
    ordered = ("GET /execution/", "body", "/execution/")
    assert not rules_toml.load(path, "postgresql").has_no_order(*ordered)
