"""Turns what Pydantic has against a file into one sentence: which key, what is wrong, the nearest right word."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from parity_core.files.table import ChosenModel

Loc = tuple[str | int, ...]
"""The way to a key: names of tables and keys, positions in lists from 0."""

_UNKNOWN, _MISSING = "extra_forbidden", "missing"
_SHOULD_BE = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "date_type": "a date without quotes, as 2027-01-31",
    "date_parsing": "a date without quotes, as 2027-01-31",
    "date_from_datetime_parsing": "a date without quotes, as 2027-01-31",
}
_VERBS = ("is ", "can not be ")
"""How messages of our own begin that go on from the key."""
_PARSED = ("int_parsing", "float_parsing", "bool_parsing")
"""What stands there is a text that should have been something else: it is shown."""


@dataclass(frozen=True)
class Problem:
    loc: Loc
    text: str


def problem_of(error: ValidationError, model: type[BaseModel], data: Any) -> Problem:
    """The first thing that is wrong: an unknown key before all else, for it explains what is missing.

    Of unknown keys the outermost: what stands below may be taken for something else because of it.
    """
    errors = sorted(
        error.errors(include_url=False),
        key=lambda one: (
            {_UNKNOWN: 0, _MISSING: 2}.get(one["type"], 1),
            len(one["loc"]) if one["type"] == _UNKNOWN else 0,
        ),
    )
    first = errors[0]
    inner: Loc = getattr(first.get("ctx", {}).get("error"), "loc", ())
    loc = _in_data((*first["loc"], *inner), data, keep_last=first["type"] == _MISSING)
    text = _text(first, loc, model, data)
    if first["type"] == _MISSING:
        lacking = [one for one in errors if one["loc"][:-1] == first["loc"][:-1]]
        names = [dotted((*loc[:-1], str(one["loc"][-1]))) for one in lacking]
        text = f"{', '.join(f'`{name}`' for name in names)} {'is' if len(names) == 1 else 'are'} missing"
    unrelated = [one for one in errors[1:] if _MISSING not in (one["type"], first["type"])]
    if unrelated:
        text += f" (and {len(unrelated)} more)"
    return Problem(loc, " ".join(text.split()))


def dotted(loc: Loc) -> str:
    """`rule[3].place`: as a person counts, from 1."""
    text = ""
    for part in loc:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, or what there is to choose from."""
    words = list(known)
    by_small = {one.lower(): one for one in words}
    if close := get_close_matches(word.lower(), by_small, 1, 0.6):
        return f"; did you mean `{by_small[close[0]]}`?"
    return f"; known: {', '.join(sorted(words))}" if words else ""


def keys_at(model: type[BaseModel], loc: Loc, data: Any) -> list[str]:
    """The keys that the table at `loc` of the file may have; none when its keys are free."""
    annotation = _annotation_at(model, loc, data)
    return [
        field.alias or name
        for option in options(annotation)
        if isinstance(option, type) and issubclass(option, BaseModel)
        for name, field in option.model_fields.items()
    ]


def value_at(data: Any, loc: Loc) -> Any:
    for part in loc:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return None
    return data


def options(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without `Annotated` and without None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return options(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [one for part in get_args(annotation) for one in options(part)]
    return [] if annotation in (None, type(None)) else [annotation]


def _annotation_at(model: type[BaseModel], loc: Loc, data: Any) -> Any:
    annotation: Any = model
    for number, part in enumerate(loc):
        annotation = _below(annotation, part, value_at(data, loc[:number]))
    return annotation


def _below(annotation: Any, part: str | int, table: Any) -> Any:
    for option in options(annotation):
        origin, arguments = get_origin(option), get_args(option)
        if isinstance(option, type) and issubclass(option, BaseModel):
            for name, field in option.model_fields.items():
                if (field.alias or name) == part:
                    chosen = [one for one in field.metadata if isinstance(one, ChosenModel)]
                    return chosen[0].choose(table or {}) if chosen else field.annotation
        elif isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
            return arguments[1]
        elif isinstance(origin, type) and issubclass(origin, Sequence) and arguments:
            return arguments[0]
    return None


def _in_data(loc: Loc, data: Any, keep_last: bool) -> Loc:
    """Without what Pydantic puts in between: names of alternatives, `[key]`."""
    kept: list[str | int] = []
    for number, part in enumerate(loc, 1):
        try:
            data = data[part]
        except (LookupError, TypeError):
            if not (keep_last and number == len(loc)):
                continue
        kept.append(part)
    return tuple(kept)


def _text(error: ErrorDetails, loc: Loc, model: type[BaseModel], data: Any) -> str:
    name, kind, value = dotted(loc), error["type"], value_at(data, loc)
    if kind == _UNKNOWN:
        what = "table" if isinstance(value, Mapping) or _is_tables(value) else "key"
        known = keys_at(model, loc[:-1], data)
        return f"unknown {what} `{name}`{nearest(str(loc[-1]), known)}"
    if kind in _SHOULD_BE:
        instead = repr(value)[:60] if kind in _PARSED else _kind(value)
        return f"`{name}` should be {_SHOULD_BE[kind]}, not {instead}"
    if kind in ("enum", "literal_error"):
        return f"`{name}` can not be {value!r}{nearest(str(value), _choices(model, loc, data))}"
    if kind == "string_too_short":
        return f"`{name}` is empty"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if kind != "value_error":
        return f"`{name}` {message}"
    if not name:
        return message
    return f"`{name}` {message}" if message.startswith(_VERBS) else f"`{name}`: {message}"


def _choices(model: type[BaseModel], loc: Loc, data: Any) -> list[str]:
    annotation = _annotation_at(model, loc, data)
    choices: list[str] = []
    for option in options(annotation):
        if get_origin(option) is Literal:
            choices += map(str, get_args(option))
        elif isinstance(option, type) and issubclass(option, Enum):
            choices += (str(member.value) for member in option)
    return choices


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _kind(value: Any) -> str:
    """What stands there, without its value: it may be a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds = ((str, "text"), (int | float, "a number"), (date, "a date"), (Mapping, "a table"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "a list")
