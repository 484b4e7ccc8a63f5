"""The port's field types against marshmallow's own fields: the same value or the same message."""

import math
import string
from typing import Any

import marshmallow
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import fields
from pydantic import ValidationError

from cornflow_f.validation.marshmallow import (
    Bool,
    DateTime,
    Email,
    Float,
    Int,
    RequestModel,
    Text,
    marshmallow_messages,
)


class LegacySchema(marshmallow.Schema):
    text = fields.Str()
    integer = fields.Int()
    number = fields.Float()
    flag = fields.Bool()
    moment = fields.DateTime()
    address = fields.Email()
    needed = fields.Str(required=True)


class PortSchema(RequestModel):
    text: Text = ""
    integer: Int = 0
    number: Float = 0.0
    flag: Bool = False
    moment: DateTime = None  # type: ignore[assignment]
    address: Email = ""
    needed: Text


def legacy(body: Any) -> dict[Any, Any]:
    try:
        return {"value": LegacySchema().load(body)}
    except marshmallow.ValidationError as error:
        messages = error.normalized_messages()  # type: ignore[no-untyped-call]
        return {"messages": messages}


def port(body: Any) -> dict[Any, Any]:
    try:
        return {"value": PortSchema.model_validate(body).sent_fields()}
    except ValidationError as error:
        return {"messages": marshmallow_messages(error.errors())}


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(),
    st.sampled_from(["7", " 7 ", "1_000", "-0", "7.5", "true", "Yes", "off", "1", "nan", "1e400"]),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.emails(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
BODIES = st.dictionaries(
    st.sampled_from(
        ["text", "integer", "number", "flag", "moment", "address", "needed", "zz", "Text"]
    ),
    SCALARS,
)


@given(BODIES)
@example({"needed": "x", "integer": "٣"})
@example({"needed": "x", "moment": "2026-11-23"})
@example({"needed": "x", "moment": "2026-11-23T10:11:12.123456Z"})
@example({"needed": "x", "moment": "2026-11-23 10:11"})
@example({"needed": "x", "moment": "2026-11-23T10:11:12+01:30"})
@example({"needed": "x", "flag": 1.0})
@example({"needed": "x", "flag": []})
@example({"needed": "x", "number": 10**400})
@example({"needed": "x", "integer": float("inf")})
def test_same_value_or_same_messages(body: dict[str, Any]) -> None:
    expected, got = legacy(body), port(body)
    assert repr(got) == repr(expected) or got == expected


_DIGITS = {
    "latin": "0123456789",
    "arabic": "".join(chr(0x660 + n) for n in range(10)),
    "full width": "".join(chr(0xFF10 + n) for n in range(10)),
}
_MOMENTS = st.tuples(
    st.sampled_from(["2026-11-23", "2026-1-2", "2026-11-31", "0000-01-01", "9999-12-31", "26-1-1"]),
    st.sampled_from(["T", " ", "t", "  ", ""]),
    st.sampled_from(
        ["10:11", "10:11:12", "1:2:3.5", "10:11:12.1234567", "24:00", "10:11:12,5", "10"]
    ),
    st.sampled_from(
        [
            "",
            "Z",
            "z",
            "+01",
            "+0130",
            "+01:30",
            "-00:30",
            "+00:60",
            "-00:99",
            "+23:59",
            "+24:00",
            "-23:60",
            "+99:99",
            "+1:30",
            "+01:3",
            " +01:00",
            "\u221201:00",
        ]
    ),
    st.sampled_from(["", "\n", "\r\n", "\n\n", " ", "\x00"]),
    st.sampled_from(sorted(_DIGITS)),
    st.integers(0, 31),
).map(lambda parts: _in_another_script("".join(parts[:5]), _DIGITS[parts[5]], parts[6]))


def _in_another_script(text: str, digits: str, first: int) -> str:
    """The digits from position `first` on as another script writes them."""
    changed = "".join(digits[int(c)] if c in string.digits else c for c in text[first:])
    return text[:first] + changed


@given(_MOMENTS)
@example("2026-11-23T10:11:12\n")
@example("2026-11-23T10:11:12+01:30\n")
@example(_in_another_script("2026-11-23T10:11:12+01:30", _DIGITS["arabic"], 0))
@example("2026-11-23T10:11:12+00:60")
def test_moments(moment: str) -> None:
    body = {"needed": "x", "moment": moment}
    assert port(body) == legacy(body)


@pytest.mark.parametrize("body", [[], [1], None, 1, "x", True])
def test_a_body_that_is_no_object(body: Any) -> None:
    assert port(body) == legacy(body)


@given(
    st.text(alphabet=string.ascii_letters + string.digits + "@.-_\"'[]!#äπ \\", max_size=30),
)
@example("a@b.co")
@example("a@localhost")
@example("a@[127.0.0.1]")
@example('"a b"@x.org')
@example("a@müller.de")
@example("a@-x.org")
@example("a@x.o")
@example("a..b@x.org")
def test_addresses(address: str) -> None:
    assert port({"needed": "x", "address": address}) == legacy({"needed": "x", "address": address})


def test_not_a_number_is_no_number() -> None:
    messages = port({"needed": "x", "number": math.nan})["messages"]
    assert messages == {"number": ["Special numeric values (nan or infinity) are not permitted."]}
