"""Hypothesis strategies for values: what a schema allows, its boundaries, and what it forbids."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from parity_core.model import Json

Values = SearchStrategy[Json]

INTEGERS = (
    0,
    1,
    -1,
    2,
    10,
    255,
    2**31 - 1,
    2**31,
    -(2**31) - 1,
    2**63 - 1,
    2**63,
    -(2**63),
    10**30,
)
FLOATS = (0.5, -0.0, 1.0, 1e-7, 1.5e300, 0.1 + 0.2, 1e22, float("inf"), float("nan"))
NUMBERS_AS_TEXT = ("0", "1", " 1 ", "+1", "01", "1_0", "1.0", "-1", "1e3", "0x1", "٣", "99999999999999999999", "NaN", "")  # fmt: skip
TEXTS = (
    "", " ", "a", "A name", "ñandú ☃ 😀", "é", "مرحبا", "line\nbreak\ttab", "null", "true",
    "\x00", "a\x00b", "\ud800", "\u202e", "\ufeff", "' OR 1=1 --", '"', "\\", "%", "%00", "_",
    "<script>", "../../etc", "{}", "[]", "x" * 255, "x" * 256, "x" * 257, "ü" * 300, "x" * 5000,
)  # fmt: skip
MOMENTS = (
    "2020-01-01T00:00:00", "2099-01-01T00:00:00", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5+02:00",
    "2020-01-01", "2020-13-01T00:00:00", "2020-02-30T25:00:00", "now", "0", "1577836800", "",
    "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999",
)  # fmt: skip
ODD_IDS: Mapping[str, tuple[str, ...]] = {
    "int": ("0", "-1", "00", "01", "٣", "2147483647", "2147483648", "9223372036854775808", "1.0", "x", "1e3", " "),
    "string": ("unknown", "0", "1", "-1", "null", "a/b", "ñ", "\x00", "x" * 300, "..", "%", " ", "'", "1;2", "?"),
}  # fmt: skip
"""For the path, by the converter of its variable."""
HUGE = ("x" * 70_000, list(range(2000)), {f"key{n}": n for n in range(500)})
"""Drawn seldom: they cost more than all the rest."""

texts: SearchStrategy[str] = st.sampled_from(TEXTS) | st.text(max_size=12)
integers: SearchStrategy[int] = st.sampled_from(INTEGERS) | st.integers(-1000, 1000)
numbers: Values = integers | st.sampled_from(FLOATS) | st.floats(-1e6, 1e6)
moments: SearchStrategy[str] = st.sampled_from(MOMENTS)


def nested(depth: int) -> Json:
    value: Json = 1
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value


anything: Values = st.one_of(
    st.sampled_from(
        [None, {}, [], {"a": 1}, {"a": {"b": [1, None]}}, [1, "a", None, 1.5, True], [[]], {"": ""}]
    ),
    texts,
    numbers,
    st.booleans(),
    st.dictionaries(st.sampled_from(["a", "b", "items", "é", "indicators"]), numbers | texts, max_size=3),
    st.just(nested(60)),
)  # fmt: skip

WRONG: Mapping[str, tuple[Json, ...]] = {
    "string": (1, 1.5, True, [], {}, ["a"], None),
    "integer": ("x", "1", " 2 ", 1.0, 1.9, True, [], {}, [1], None, ""),
    "number": ("x", "1.5", "nan", "inf", True, [], {}, None, ""),
    "boolean": ("x", "true", "1", 0, 1, 2, "no", [], {}, None, ""),
    "array": ({}, "x", 1, None, [None], [[]], [1]),
    "object": ([], "x", 1, None, True, [{}]),
}


def kind(schema: Mapping[str, Json]) -> str | None:
    """The type that a schema asks for; of alternatives, the first that is not null."""
    for one in (
        schema,
        *schema.get("anyOf", ()),
        *schema.get("oneOf", ()),
        *schema.get("allOf", ()),
    ):
        types = one.get("type")
        for name in types if isinstance(types, list) else [types]:
            if name and name != "null":
                return str(name)
    return None


def valid(schema: Mapping[str, Json], depth: int = 0) -> Values:
    """Values that the schema allows, common ones and those at its edges."""
    if schema.get("enum"):
        return st.sampled_from(list(schema["enum"]))
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if alternatives:
        return st.one_of([valid(one, depth) for one in alternatives])
    name = kind(schema)
    if name == "string":
        return moments if schema.get("format") == "date-time" else texts
    if name == "integer":
        return integers
    if name == "number":
        return numbers
    if name == "boolean":
        return st.booleans()
    if schema.get("type") == "null":
        return st.none()
    if depth > 3:
        return anything
    if name == "array":
        return st.lists(valid(schema.get("items") or {}, depth + 1), max_size=3)
    if name == "object" and schema.get("properties"):
        return objects(schema["properties"], frozenset(schema.get("required", ())), depth + 1)
    return anything


def objects(
    properties: Mapping[str, Mapping[str, Json]], required: frozenset[str], depth: int = 0
) -> Values:
    """Objects with all required members and any of the others."""
    must = {name: valid(one, depth) for name, one in properties.items() if name in required}
    may = {name: valid(one, depth) for name, one in properties.items() if name not in required}
    return st.fixed_dictionaries(must, optional=may)


def wrong(schema: Mapping[str, Json]) -> Values:
    """Values of another type than the schema asks for; any value when it asks for none."""
    name = kind(schema)
    return st.sampled_from(WRONG[name]) if name and name in WRONG else anything


def query(schema: Mapping[str, Json]) -> SearchStrategy[str]:
    """Text for a query or a form: what reads as the schema's type, and what does not."""
    name = kind(schema)
    if name in ("integer", "number"):
        return integers.map(str) | st.sampled_from(NUMBERS_AS_TEXT)
    if name == "boolean":
        return st.sampled_from(["true", "false", "1", "0", "True", "yes", "2", "", "null"])
    if schema.get("format") == "date-time":
        return moments
    return texts
