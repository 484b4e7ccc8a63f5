"""Booleans, numbers and moments in spellings that one reader takes and another does not. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from parity_core.model import Json
from parity_tests.fuzz.draw import values

BOOLEANS = (
    "on", "On", "ON", "oN", "off", "OFF", "t", "T", "f", "F", "y", "Y", "n", "N", "yes", "YES", "yEs", "no", "NO",
    "true", "TRUE", "tRUE", "false", "FALSE", "1", "0", "+1", "+0", "-0", "-1", "00", "01", "1.0", "0.0", "2",
    " 1", "1 ", "1\n", "true\n", " true", "True ", "１", "٠", "null", "none", "",
)  # fmt: skip
INTEGERS = (
    "+0", "-0", "+1", "-1", "00", "01", "007", " 1", "1 ", "1\n", "\t1", "1\u00a0", "1_0", "_1", "1.0", "1.", ".5", "1e1",
    "0x1", "0b1", "٣", "１", "²", "Ⅳ", "৩", "--1", "+-1", "1,0", "1;", "1%00", "true", "on", "None", "-", "",
    "9" * 19, "9" * 40,
)  # fmt: skip
NUMBERS = (*INTEGERS, "1e400", "-1e400", "inf", "-Infinity", "NaN", "1e-400", "0.1e1", "١.٥")
MOMENTS = (
    "2020-01-01T00:00", "2020-01-01T00", "2020-1-1T0:0:0", "2020-01-01t00:00:00", "2020-01-01 00:00:00", "20200101T000000",
    "2020-01-01T00:00:00z", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.1", "2020-01-01T00:00:00.1234567",
    "2020-01-01T00:00:00,5", "2020-01-01T00:00:60", "2020-01-01T24:00:00", "2020-01-01T00:00:00+0200",
    "2020-01-01T00:00:00+02", "2020-01-01T00:00:00+24:00", "2020-01-01T00:00:00-00:00", "2020-01-01T00:00:00 +02:00",
    " 2020-01-01T00:00:00", "2020-01-01T00:00:00 ", "2020-W01-1", "2020-001", "2020-02-29T00:00:00",
    "2019-02-29T00:00:00", "0000-01-01T00:00:00", "10000-01-01T00:00:00", "-2020-01-01T00:00:00", "1577836800",
    "1577836800.5", "Wed, 01 Jan 2020 00:00:00 GMT", "01/02/2020", "today", "null",
)  # fmt: skip
_JSON_BOOLEANS: tuple[Json, ...] = (0, 1, 2, -1, 1.0, 0.0, 0.5, "", [], {})
_JSON_INTEGERS: tuple[Json, ...] = (0, -1, -0.0, 1.0, 1.9, -1.9, 1e3, 2**31, True, False, "", [1])
_JSON_NUMBERS: tuple[Json, ...] = (0, -1, -0.0, 1e308, 1e-320, 2**53 + 1, True, False, "", [1])


def spellings(schema: Mapping[str, Json]) -> Sequence[str]:
    """As text, for a query, a form or a path; none for what any text is right for."""
    name = values.kind(schema)
    if name == "boolean":
        return BOOLEANS
    if name == "integer":
        return INTEGERS
    if name == "number":
        return NUMBERS
    return MOMENTS if schema.get("format") == "date-time" else ()


def in_json(schema: Mapping[str, Json]) -> Sequence[Json]:
    """As values of JSON, most of them texts."""
    name = values.kind(schema)
    more: Mapping[str | None, tuple[Json, ...]] = {
        "boolean": _JSON_BOOLEANS,
        "integer": _JSON_INTEGERS,
        "number": _JSON_NUMBERS,
    }
    return (*spellings(schema), *more.get(name, ()))


def some(rng: random.Random, options: Sequence[Json], most: int) -> list[Json]:
    return rng.sample(list(options), min(most, len(options)))
