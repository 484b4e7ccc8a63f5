"""Request bodies as the legacy reads them, and its words for what is wrong with them.

The legacy validates with marshmallow through webargs. Pydantic does the work here; this module holds
the field types that coerce as marshmallow does, and the one translation of Pydantic's errors into
marshmallow's messages and shapes: ``{"field": ["message"]}``, nested by field and list index, and
``{"_schema": [...]}`` for the body itself.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

MISSING = "Missing data for required field."
NULL = "Field may not be null."
UNKNOWN = "Unknown field."
WRONG_TYPE = "Invalid input type."

_MESSAGES = {
    "missing": MISSING,
    "extra_forbidden": UNKNOWN,
    "string_type": "Not a valid string.",
    "string_sub_type": "Not a valid string.",
    "int_type": "Not a valid integer.",
    "float_type": "Not a valid number.",
    "bool_type": "Not a valid boolean.",
    "bool_parsing": "Not a valid boolean.",
    "dict_type": "Not a valid mapping type.",
    "list_type": "Not a valid list.",
    "datetime_type": "Not a valid datetime.",
    "datetime_parsing": "Not a valid datetime.",
    "datetime_from_date_parsing": "Not a valid datetime.",
    "model_type": WRONG_TYPE,
    "model_attributes_type": WRONG_TYPE,
}
_NO_OBJECT = frozenset(("model_type", "model_attributes_type"))
_OURS = "cornflow"
"""The type of the errors raised below: their message is already the legacy's."""

_EMAIL_ATOM = r"[-!#$%&'*+/=?^`{}|~\w]+"
_EMAIL_USER = re.compile(
    rf'{_EMAIL_ATOM}(\.{_EMAIL_ATOM})*\Z|"(?:[\x01-\x08\x0b\x0c\x0e-\x1f!#-\[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*"\Z'
)
_EMAIL_LABEL = r"[A-Z0-9](?:[A-Z0-9-]{0,61}[A-Z0-9])?"
_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_EMAIL_DOMAIN = re.compile(
    rf"(?:{_EMAIL_LABEL}\.)+[A-Z0-9-]{{2,}}\Z|\[{_OCTET}(?:\.{_OCTET}){{3}}\]\Z", re.IGNORECASE
)


_LONGEST_DOMAIN = 1_000
"""Characters of a domain that are still given to IDNA; a name server takes 253."""


def many(value: Any) -> Any:
    """Before a list of nested models: marshmallow's word for what is no list."""
    if value is None:
        raise refuse(NULL)
    if not isinstance(value, list):
        raise refuse("Invalid type.")
    return value


def refuse(message: str) -> PydanticCustomError:
    # Braces would be read as a template.
    return PydanticCustomError(_OURS, "{message}", {"message": message})


def _integer(value: Any) -> int:
    """As marshmallow: whatever `int()` takes, so "7", 7.9 and " 7 " too, but no boolean."""
    if value is None:
        raise refuse(NULL)
    if isinstance(value, bool):
        raise refuse("Not a valid integer.")
    try:
        return int(value)
    except OverflowError:
        raise refuse("Number too large.") from None
    except (TypeError, ValueError):
        raise refuse("Not a valid integer.") from None


def _any_number(value: Any) -> float:
    if value is None:
        raise refuse(NULL)
    if isinstance(value, bool):
        raise refuse("Not a valid number.")
    try:
        number = float(value)
    except OverflowError:
        raise refuse("Number too large.") from None
    except (TypeError, ValueError):
        raise refuse("Not a valid number.") from None
    return number


def _number(value: Any) -> float:
    number = _any_number(value)
    if not math.isfinite(number):
        raise refuse("Special numeric values (nan or infinity) are not permitted.")
    return number


def _email(value: Any) -> str:
    if value is None:
        raise refuse(NULL)
    user, at, domain = value.rpartition("@") if isinstance(value, str) else ("", "", "")
    if not at or not _EMAIL_USER.match(user) or not _valid_domain(domain):
        raise refuse("Not a valid email address.")
    return str(value)


def _valid_domain(domain: str) -> bool:
    if domain == "localhost" or _EMAIL_DOMAIN.match(domain):
        return True
    if len(domain) > _LONGEST_DOMAIN:
        # what IDNA does with a label takes far more than its length
        return False
    try:
        return _EMAIL_DOMAIN.match(domain.encode("idna").decode("ascii")) is not None
    except UnicodeError:
        return False


_TRUTHY = frozenset(
    ("t", "T", "true", "True", "TRUE", "on", "On", "ON", "y", "Y", "yes", "Yes", "YES", "1")
)
_FALSY = frozenset(
    ("f", "F", "false", "False", "FALSE", "off", "Off", "OFF", "n", "N", "no", "No", "NO", "0")
)


def _boolean(value: Any) -> bool:
    if value is None:
        raise refuse(NULL)
    if isinstance(value, str):
        if value in _TRUTHY:
            return True
        if value in _FALSY:
            return False
    elif isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    raise refuse("Not a valid boolean.")


# parity: digits of every script, and a line end after the last one (marshmallow's own pattern)
_ISO_DATETIME = re.compile(
    r"(?P<date>\d{4}-\d{1,2}-\d{1,2})[T ](?P<time>\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d{1,6}\d{0,6})?)?)"
    r"(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?\n?\Z"
)


def _datetime(value: Any) -> datetime:
    """ISO 8601 with a time, as marshmallow's parser takes it."""
    if value is None:
        raise refuse(NULL)
    match = _ISO_DATETIME.match(value) if isinstance(value, str) else None
    if match is None:
        raise refuse("Not a valid datetime.")
    year, month, day = (int(part) for part in match["date"].split("-"))
    clock, _, fraction = match["time"].partition(".")
    hour, minute, second = ([int(part) for part in clock.split(":")] + [0])[:3]
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction else 0
    try:
        zone = _zone(match["zone"])
        return datetime(year, month, day, hour, minute, second, microsecond, zone)
    except ValueError:
        raise refuse("Not a valid datetime.") from None


def _zone(text: str | None) -> timezone | None:
    """Raises ValueError for an offset of a day or more."""
    if text is None:
        return None
    if text == "Z":
        return UTC
    # parity: more than 59 minutes are added up
    minutes = 60 * int(text[1:3]) + (int(text[-2:]) if len(text) > 3 else 0)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def not_null(value: Any) -> Any:
    """Before a nested model: marshmallow refuses null at the field, Pydantic inside of it."""
    if value is None:
        raise refuse(NULL)
    return value


Raw = Annotated[Any, BeforeValidator(not_null)]
"""marshmallow's `Raw`: anything but null."""
Text = Annotated[str, Strict()]
"""marshmallow's `Str`: only strings."""
Int = Annotated[int, BeforeValidator(_integer)]
Float = Annotated[float, BeforeValidator(_number)]
Number = Annotated[float, BeforeValidator(_any_number)]
"""marshmallow's `Number`: also NaN and the infinities, which `Float` refuses."""
Bool = Annotated[bool, BeforeValidator(_boolean)]
DateTime = Annotated[datetime, BeforeValidator(_datetime)]
Email = Annotated[str, BeforeValidator(_email)]


class RequestModel(BaseModel):
    """A JSON body: an unknown key is an error. `sent_fields()` is what the client sent, defaults left out."""

    model_config = ConfigDict(extra="forbid")

    def sent_fields(self) -> dict[str, Any]:
        return {
            field.alias or name: _sent_value(getattr(self, name))
            for name, field in self.__class__.model_fields.items()
            if name in self.model_fields_set
        }


def _sent_value(value: Any) -> Any:
    return value.sent_fields() if isinstance(value, RequestModel) else value


MOST_ERRORS = 1_000
"""Unknown fields of one object, and wrong items of one list, that are told; the legacy tells all."""


def prepared(document: Any, model: type[BaseModel]) -> Any:
    """A large document before it is validated: cheap enough to be validated on the event loop.

    Of unknown fields and of wrong items there are `MOST_ERRORS` left; items of lists are validated
    already. Everything else is as it was.
    """
    if not isinstance(document, dict):
        return document
    known = {field.alias or name: field for name, field in model.model_fields.items()}
    unknown = islice((key for key in document if key not in known), MOST_ERRORS)
    kept = {key: document[key] for key in (*(k for k in known if k in document), *unknown)}
    for key in known.keys() & kept.keys():
        for kind in _kinds(known[key].annotation):
            if isinstance(kind, type) and issubclass(kind, RequestModel):
                kept[key] = prepared(kept[key], kind)
            elif get_origin(kind) is list and isinstance(kept[key], list):
                kept[key] = _prepared_items(kept[key], get_args(kind)[0])
    return kept


def _kinds(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _prepared_items(items: list[Any], kind: Any) -> list[Any]:
    check = _adapter(kind).validate_python
    wrong = 0
    done: list[Any] = []
    for item in items:
        try:
            done.append(check(item))
        except ValidationError:
            done.append(item)
            wrong += 1
            if wrong >= MOST_ERRORS:
                break
    return done


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def marshmallow_messages(errors: Sequence[Mapping[str, Any]]) -> dict[Any, Any]:
    """Pydantic's errors (`loc` relative to the body) in marshmallow's shape, fields before unknown keys.

    The legacy lists unknown keys in the order of a set, which differs from process to process;
    here they keep the order in which the client sent them.
    """
    messages: dict[Any, Any] = {}
    for error in errors:
        place = list(error["loc"]) or ["_schema"]
        if error["type"] in _NO_OBJECT and place != ["_schema"]:
            place.append("_schema")
        at = messages
        for part in place[:-1]:
            at = at.setdefault(part, {})
        at.setdefault(place[-1], []).append(_message(error))
    return messages


def _message(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind == _OURS:
        return str(error["ctx"]["message"])
    if kind in _NO_OBJECT and error["loc"] and isinstance(error["loc"][-1], int):
        # null as an item of a list is no object; null as a field is null
        return WRONG_TYPE
    if kind not in ("missing", "extra_forbidden") and error.get("input") is None and error["loc"]:
        return NULL
    return _MESSAGES.get(kind, str(error["msg"]))
