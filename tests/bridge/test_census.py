"""The census finds what must not be served."""

import dataclasses
import json
from pathlib import Path

import pytest

from legacy_bridge.bridge import census_of
from legacy_bridge.operations.census import CensusError, rules_as_json, rules_from_file
from legacy_bridge.operations.operation import LegacyRule, Operation
from tests.bridge.pair import PORTED, Ported, pair_rules


def test_lists_operations_and_leaves_out_what_is_none() -> None:
    census = census_of(pair_rules(), PORTED)
    assert census.problems == ()
    assert Operation("PUT", "/thing/<int:idx>/") in census.operations
    assert census.ported == {Operation(one.method, one.rule) for one in PORTED}
    assert census.infrastructure == ("/static/<path:filename>",)
    assert {entry.operation.method for entry in census.entries} == {"GET", "POST", "PUT"}


def test_a_ported_operation_the_legacy_has_not_is_refused() -> None:
    extra = [
        Ported("GET", "/new/"),
        Ported("DELETE", "/thing/"),
        Ported("GET", "/thing/<string:idx>/"),
    ]
    with pytest.raises(CensusError) as caught:
        census_of(pair_rules(), [*PORTED, *extra]).check()
    assert len(caught.value.problems) == 3
    for operation in extra:
        assert f"{operation.method} {operation.rule} is ported, but the legacy" in str(caught.value)


def test_a_missing_permission_check_is_refused() -> None:
    rules = [
        dataclasses.replace(rule, guarded=frozenset({"GET"})) if rule.rule == "/thing/" else rule
        for rule in pair_rules()
    ]
    with pytest.raises(CensusError, match="GET /thing/ checks the user's permission in the legacy"):
        census_of(rules, PORTED).check()
    guarded = [dataclasses.replace(one, guarded=True) for one in PORTED]
    census_of(rules, guarded).check()


def test_the_reserved_prefix_is_the_bridges_own() -> None:
    mine = LegacyRule("/_cutover/x/", frozenset({"GET"}), "mine")
    with pytest.raises(CensusError, match="the legacy has the rule /_cutover/x/"):
        census_of([*pair_rules(), mine], PORTED).check()
    with pytest.raises(CensusError, match="the port has the rule /_cutover"):
        census_of(pair_rules(), [*PORTED, Ported("GET", "/_cutover")]).check()
    census_of(
        [*pair_rules(), LegacyRule("/_cutovers/", frozenset({"GET"}), "other")], PORTED
    ).check()


def test_twice_the_same_is_a_mistake() -> None:
    with pytest.raises(CensusError, match="GET /thing/ is ported 2 times"):
        census_of(pair_rules(), [*PORTED, PORTED[0]]).check()


def test_an_unspoken_converter_is_a_string() -> None:
    rules = [LegacyRule("/x/<name>/", frozenset({"GET", "HEAD", "OPTIONS"}), "x")]
    census = census_of(rules, [Ported("GET", "/x/<string:name>/")])
    assert census.ported == {Operation("GET", "/x/<name>/")}


def test_without_a_legacy_the_port_is_the_list() -> None:
    census = census_of([], PORTED, with_legacy=False)
    assert census.operations == census.ported == {Operation(one.method, one.rule) for one in PORTED}


def test_rules_travel_as_a_file(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"rules": rules_as_json(pair_rules())}))
    assert rules_from_file(file) == pair_rules()
