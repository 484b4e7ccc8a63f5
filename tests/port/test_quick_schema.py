"""What the quick validator lets pass, the one with the legacy's words would too."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from cornflow_f.validation.quick_schema import surely_fits

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([0, 1, 1.0, -0.0, 2**63, 10**30, 1e16, "1", "a", "é", "\n", "１"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "id", "pattern"]), inner, max_size=3)
    ),
    max_leaves=6,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
NUMBERS = st.integers(-3, 3) | st.floats(-3, 3)


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "minimum": NUMBERS,
            "exclusiveMaximum": NUMBERS,
            "multipleOf": st.sampled_from([1, 2, 0.1, 0.5]),
            "minLength": st.integers(0, 2),
            "maxLength": st.integers(0, 2),
            "pattern": st.sampled_from(["^a$", r"\d", r"[^\d]", r"\w"]),
            "format": st.sampled_from(["email", "date-time", "ipv4"]),
            "items": inner,
            "uniqueItems": st.booleans(),
            "maxItems": st.integers(0, 2),
            "contains": inner,
            "properties": st.dictionaries(st.sampled_from(["a", "b", "id"]), inner, max_size=2),
            "required": st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True),
            "additionalProperties": inner,
            "propertyNames": inner,
            "dependencies": st.fixed_dictionaries({"a": inner}),
            "not": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "if": inner,
            "then": inner,
            "else": inner,
            "$ref": st.just("#/definitions/x"),
            "definitions": st.fixed_dictionaries({"x": inner}),
            "contentMediaType": st.just("application/json"),
        },
    )


SCHEMAS = st.recursive(st.booleans() | keywords(st.just(True)), keywords, max_leaves=4)


@given(SCHEMAS, VALUES)
@example({"multipleOf": 0.1}, 0.3)
@example({"type": "integer"}, 1.0)
@example({"uniqueItems": True}, [1, 1.0])
@example({"enum": [1.0]}, True)
def test_the_quick_yes_is_right(schema: Any, value: Any) -> None:
    if surely_fits(json.dumps(schema), value):
        assert Draft7Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"pattern": "x"}}},
        {"items": {"multipleOf": 2}},
        {"$ref": "http://example.org/schema"},
        {"type": "no such type"},
        [],
    ],
)
def test_it_does_not_try_where_the_two_may_disagree(schema: Any) -> None:
    assert not surely_fits(json.dumps(schema), {})


def test_it_says_yes_to_what_clients_send() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    assert surely_fits(json.dumps(schema), {"id": 7})
    assert not surely_fits(json.dumps(schema), {"id": "7"})
