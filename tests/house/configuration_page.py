"""Writes docs/configuration.md from the models: `python -m tests.house.configuration_page`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from legacy_bridge.guards.guards_toml import GuardsFile
from legacy_bridge.settings import PREFIX, BridgeSettings
from parity_core.files.learned_toml import LearnedFile
from parity_core.files.rules_toml import RulesFile
from parity_core.files.sentence import options
from parity_core.files.table import ChosenModel
from parity_core.files.waivers_toml import WaiversFile
from parity_tests.fuzz.fuzz_toml import FuzzFile
from parity_tests.matrix.matrix_yaml import MatrixFile
from parity_tests.mutants.mutants_toml import MutantsFile
from parity_tests.parity_toml import ParityFile
from parity_tests.performance.performance_toml import PerformanceFile

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
FILES: tuple[type[BaseModel], ...] = (
    ParityFile, RulesFile, WaiversFile, FuzzFile, MatrixFile, MutantsFile, PerformanceFile, LearnedFile, GuardsFile,
)  # fmt: skip
_HEAD = """\
# Configuration

Every key of every file, and every setting of the bridge, with its type and default. This page is written from the models that read them
(`python -m tests.house.configuration_page`); a test fails when it is behind.

What is wrong in a file is one sentence, and the command exits 2:

```
parity: shop/parity.toml:9: unknown key `legacy.helth`; did you mean `health`?
parity: shop/rules.toml:14: `rule[3].kind` can not be 'timestmp'; did you mean `timestamp`?
cutover: CUTOVER_SHADOW_RAT is no setting of the bridge; did you mean `CUTOVER_SHADOW_RATE`?
```

The line is that on which the key begins; entries of a list are counted from 1. Types are not guessed: a number in quotes is refused where a
number is meant. Paths are relative to the file. A file of rules or waivers that is named must be there; one that is not named need not be.
"""
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", date: "date"}


def page() -> str:
    parts = [_HEAD, _settings()]
    for model in FILES:
        parts.append(f"## {_about(model)}\n\n" + "\n".join(_tables(model, "")))
    return "\n".join(parts)


def _settings() -> str:
    rows = (
        f"| `{PREFIX}{name.upper()}` | {_type(field)} | {_default(field)} | {_text(field)} |"
        for name, field in BridgeSettings.model_fields.items()
    )
    return "\n".join((
        "## The bridge's settings\n",
        "Environment variables of `cutover`, which every worker reads. A `CUTOVER_*` variable that is none of these is refused, but for those "
        "that Kubernetes gives to containers beside a Service called `cutover`.\n",
        *_header("variable"), *rows, "",
    ))  # fmt: skip


def _tables(model: type[BaseModel], path: str) -> Iterator[str]:
    """This table, then those in it."""
    inner: list[tuple[str, type[BaseModel]]] = []
    yield from _header("key")
    for name, field in model.model_fields.items():
        key = field.alias or name
        for child, form in _children(field.annotation, f"{path}.{key}".lstrip(".")):
            inner.append((form, child))
        for one in field.metadata:
            for child in one.models if isinstance(one, ChosenModel) else ():
                if child not in [model for _, model in inner]:
                    inner.append((f"[{path}.{key}]", child))
        yield f"| `{key}` | {_type(field)} | {_default(field)} | {_text(field)} |"
    yield ""
    for form, child in inner:
        yield f"### `{form}`\n\n{_about(child)}\n"
        yield from _tables(child, form.strip("[]"))


def _children(
    annotation: Any, path: str, form: str = "[{}]"
) -> Iterator[tuple[type[BaseModel], str]]:
    for option in options(annotation):
        origin, arguments = get_origin(option), get_args(option)
        if isinstance(option, type) and issubclass(option, BaseModel):
            yield option, form.format(path)
        elif origin is dict:
            yield from _children(arguments[1], f"{path}.NAME", form)
        elif origin is tuple:
            yield from _children(arguments[0], path, "[[{}]]")


def _header(first: str) -> tuple[str, str]:
    return f"| {first} | type | default | what it says |", "| --- | --- | --- | --- |"


def _about(model: type[BaseModel]) -> str:
    return inspect.getdoc(model) or ""


def _text(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if (
        value is PydanticUndefined
        or value is None
        or isinstance(value, BaseModel)
        or value in ((), "")
    ):
        return ""
    if isinstance(value, Enum):
        value = value.value
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(field: FieldInfo) -> str:
    words = dict.fromkeys(_name(one) for one in options(field.annotation))
    bounds = [*field.metadata, *_bounds(field.annotation)]
    limits = [text for one in bounds if (text := _limit(one))]
    return ", ".join((" or ".join(words), *dict.fromkeys(limits)))


def _bounds(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        base, *metadata = get_args(annotation)
        for one in metadata:
            yield from one.metadata if isinstance(one, FieldInfo) else (one,)
        yield from _bounds(base)
    else:
        for one in get_args(annotation):
            if get_origin(one) is Annotated:
                yield from _bounds(one)


def _limit(bound: Any) -> str:
    signs = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<"))
    for kind, name, sign in signs:
        if isinstance(bound, kind):
            return f"{sign} {getattr(bound, name)}"
    return "not empty" if isinstance(bound, MinLen) and bound.min_length else ""


def _name(option: Any) -> str:
    origin, arguments = get_origin(option), get_args(option)
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin is dict:
        return "table" if arguments[1] is Any else f"table of {_plural(arguments[1])}"
    if origin in (tuple, frozenset):
        return f"list of {_plural(arguments[0])}"
    if isinstance(option, type) and issubclass(option, Enum):
        return " or ".join(f"`{one.value}`" for one in option)
    if isinstance(option, type) and issubclass(option, BaseModel):
        return "table"
    return _PLAIN.get(option, "path" if option is Path else "any value")


def _plural(annotation: Any) -> str:
    names = " or ".join(_name(one) for one in options(annotation))
    words = {
        "text": "texts",
        "table": "tables",
        "whole number": "whole numbers",
        "any value": "values",
    }
    return words.get(names, names.replace("list of", "lists of"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
