"""A live pair: rules let differ only what this very request has made."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from cornflow_cutover.shadow.comparer import rules_folder
from legacy_bridge.shadow.compare.reads import judge_of
from parity_core.compare.live import Judge, LiveReply, Request, RowChange, same_reply, unwaived
from parity_core.compare.rules import Rules, parse
from parity_core.compare.waivers import parse as parse_waiver
from parity_core.model import Change

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
ORIGIN = "http://cornflow.test"
OPERATION = "POST /thing/"
RULES = Rules(
    [
        parse({"place": "body/id", "kind": "id:things"}),
        parse({"place": "rows/things/*/id", "kind": "id:things"}),
        parse({"place": "**/made_at", "kind": "timestamp"}),
    ]
)
WAIVER = parse_waiver(
    {
        "operation": "POST *",
        "place": "body/error",
        "legacy": "one",
        "ported": "two",
        "owner": "tests",
        "reason": "words",
        "expires": date(2030, 1, 1),
    }
)


def side(body: Any, seconds: float = 0.0, rows: tuple[RowChange, ...] = ()) -> LiveReply:
    headers = (("content-type", "application/json"),)
    return LiveReply(200, headers, json.dumps(body).encode(), NOW.timestamp() + seconds, rows)


def row(key: int, name: str = "x") -> RowChange:
    columns = {"id": key, "name": name}
    return RowChange("things", Change.INSERTED, (key,), {}, columns, ("id",))


def places(legacy: LiveReply, ported: LiveReply, *, rows: bool = True) -> list[str]:
    judge = Judge(RULES, [WAIVER], "sqlite")
    request = Request("POST", "/thing/")
    found = judge.compare(
        OPERATION, request, legacy, ported, origin=ORIGIN, rows=rows, today=date(2026, 5, 6)
    )
    return [one.place for one in unwaived(found)]


def test_an_id_may_differ_only_when_both_rows_are_new() -> None:
    assert places(side({"id": 1}), side({"id": 2})) == ["body/id"]
    assert places(side({"id": 1}, rows=(row(1),)), side({"id": 2}, rows=(row(2),))) == []
    mixed_up = side({"id": 1}, rows=(row(1),)), side({"id": 3}, rows=(row(2),))
    assert places(*mixed_up) == ["body/id"], "the reply names another row than was made"


def test_a_moment_may_differ_only_when_it_is_now() -> None:
    later = "2026-05-06T07:08:10"
    now = "2026-05-06T07:08:09"
    assert places(side({"made_at": now}), side({"made_at": later}, 1)) == []
    old, older = {"made_at": "2026-05-01T00:01:02"}, {"made_at": "2026-05-01T00:01:01"}
    assert places(side(old), side(older)) == ["body/made_at"]
    assert places(side(old), side(old)) == []


def test_would_be_rows_are_compared_column_by_column() -> None:
    legacy, ported = side({}, rows=(row(1, "x"),)), side({}, rows=(row(1, "y"),))
    assert places(legacy, ported) == ["rows/things/1/name"]
    assert places(legacy, ported, rows=False) == []
    assert places(legacy, side({})) == ["rows/things/1"]


def test_waivers_hold_here_too() -> None:
    assert places(side({"error": "one"}), side({"error": "two"})) == []


def test_the_rules_and_waivers_of_cornflow_are_read() -> None:
    judge = judge_of(None, {}, rules_folder())
    assert judge.waivers
    assert judge.rules.of("POST /signup/", "body/id") is not None


def test_two_answers_are_the_same_whatever_the_order_of_keys() -> None:
    one = side({"a": 1, "b": 2})
    assert same_reply(one, replace(one, body=b'{"b": 2, "a": 1}'), ORIGIN)
    assert not same_reply(one, side({"a": 1, "b": 3}), ORIGIN)
