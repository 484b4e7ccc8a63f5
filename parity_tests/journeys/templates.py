"""Fills `${name}` with captured values. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_VARIABLE = re.compile(r"\$\{([A-Za-z_][\w.\-]*)\}")


class Unknown(LookupError):
    """A template names a value that nothing captured."""


def variables(value: Any) -> Iterator[str]:
    """Every name used anywhere in a value."""
    if isinstance(value, str):
        yield from _VARIABLE.findall(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from variables(key)
            yield from variables(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from variables(item)


def fill(value: Any, known: Mapping[str, Any]) -> Any:
    """A string that is exactly `${name}` takes the value's own type; elsewhere it becomes text."""
    if isinstance(value, str):
        whole = _VARIABLE.fullmatch(value)
        if whole:
            return _get(whole[1], known)
        return _VARIABLE.sub(lambda found: str(_get(found[1], known)), value)
    if isinstance(value, Mapping):
        return {fill_text(key, known): fill(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, known) for item in value]
    return value


def fill_text(value: Any, known: Mapping[str, Any]) -> str:
    return str(fill(value, known))


def _get(name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise Unknown(name)
    return known[name]
