"""Options of a command that are settings, made of their declaration: names, limits, defaults and texts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

Command = Callable[..., Any]


def setting_options(
    model: type[BaseModel], *, without: frozenset[str] = frozenset()
) -> Callable[[Command], Command]:
    """`--some-field` for each field of ``model``; one that is not given is None and leaves its variable."""

    def decorate(command: Command) -> Command:
        for name, field in reversed(model.model_fields.items()):
            if name not in without:
                command = _option(name, field)(command)
        return command

    return decorate


def _option(name: str, field: FieldInfo) -> Callable[[Command], Command]:
    flag = name.replace("_", "-")
    if field.annotation is bool:
        return click.option(f"--{flag}/--no-{flag}", default=None, help=field.description)
    shown = "" if field.default in (None, "") else f"  [default: {field.default}]"
    return click.option(f"--{flag}", type=_type(field), help=f"{field.description}{shown}")


def _type(field: FieldInfo) -> "click.ParamType[Any]":  # a text: not generic in click 8.1
    limits = {
        name: getattr(mark, name)
        for mark in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(mark, name)
    }
    bounds: dict[str, Any] = {
        "min": limits.get("ge", limits.get("gt")),
        "max": limits.get("le", limits.get("lt")),
        "min_open": "gt" in limits,
        "max_open": "lt" in limits,
    }
    if field.annotation is int:
        return click.IntRange(**bounds)
    if field.annotation is float:
        return click.FloatRange(**bounds)
    if Path in get_args(field.annotation):
        return click.Path(file_okay=False, path_type=Path)
    return click.STRING
