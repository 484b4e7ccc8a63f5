"""What a body must hold; every field that is wrong is told at once."""

from typing import Any

from library_flask.refusals import Refused


def checked(body: Any, *, text: tuple[str, ...], whole: tuple[str, ...] = ()) -> dict[str, Any]:
    """The known fields of a body. Numbers that come as text are taken, as they always were."""
    wrong: dict[str, list[str]] = {}
    fields: dict[str, Any] = {}
    for name in text:
        value = body.get(name)
        if not isinstance(value, str) or not value.strip():
            wrong[name] = ["Text is needed."]
        else:
            fields[name] = value.strip()
    for name in whole:
        value = body.get(name)
        if value is None:
            continue
        try:
            fields[name] = int(value)
        except (TypeError, ValueError):
            wrong[name] = ["Not a whole number."]
    if wrong:
        raise Refused(400, wrong)
    return fields


def count_of(text: str | None, otherwise: int) -> int:
    """A number of the query; what is none counts as not said."""
    return int(text) if text and text.isdecimal() else otherwise
