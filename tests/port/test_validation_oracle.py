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
        return {"value": PortSchema.model_validate(body).given()}
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
