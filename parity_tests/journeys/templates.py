"""Fills `${name}` with captured values; `${name|change}` with a moment that is changed. Pure.

Changes of a moment, which is a text as `2026-01-02T03:04:05.678901`: seconds to add (`-0.001`, `3600`), `second`
and `day` (what is less is cut off), `zone` (the same moment as somebody two hours to the east writes it), `Z`,
`space` (for the `T`), `digits` (as written in Arabic). What is no moment stays as it is.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

_VARIABLE = re.compile(r"\$\{([A-Za-z_][\w.\-]*)(?:\|([\w.+\-]+))?\}")
_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


class Unknown(LookupError):
    """A template names a value that nothing captured."""


def variables(value: Any) -> Iterator[str]:
    """Every name used anywhere in a value."""
    if isinstance(value, str):
        yield from (match[1] for match in _VARIABLE.finditer(value))
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
            return _get(whole, known)
        return _VARIABLE.sub(lambda match: str(_get(match, known)), value)
    if isinstance(value, Mapping):
        return {fill_text(key, known): fill(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, known) for item in value]
    return value


def fill_text(value: Any, known: Mapping[str, Any]) -> str:
    return str(fill(value, known))


def _get(match: re.Match[str], known: Mapping[str, Any]) -> Any:
    name, change = match[1], match[2]
    if name not in known:
        raise Unknown(name)
    return known[name] if change is None else changed(known[name], change)


def changed(moment: Any, change: str) -> Any:
    """A moment with one of the changes above."""
    try:
        parsed = datetime.fromisoformat(str(moment))
        if change[0] in "+-0123456789":
            return (parsed + timedelta(seconds=float(change))).isoformat()
    except (OverflowError, ValueError):
        return moment
    if change == "second":
        return parsed.replace(microsecond=0).isoformat()
    if change == "day":
        return parsed.date().isoformat()
    if change == "zone":
        # a plus sign would be read as a blank in a query
        return f"{(parsed + timedelta(hours=2)).isoformat()}%2B02:00"
    if change == "Z":
        return f"{moment}Z"
    if change == "space":
        return str(moment).replace("T", "%20")
    return str(moment).translate(_ARABIC) if change == "digits" else moment
