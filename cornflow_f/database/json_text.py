"""JSON columns kept as the text they are stored as: read and written without being decoded."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Label
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType

NULL = "null"


@dataclass(frozen=True, slots=True)
class JsonText:
    """A JSON document as its text. In a JSON column it is stored as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class JsonBytes:
    """A JSON document as its text in UTF-8: what a reply is made of, so nothing is to be converted."""

    data: bytes


class _StoredText(UserDefinedType[str]):
    """SQLite keeps a bare number of a JSON column as a number; its own text of one has 15 digits only."""

    cache_ok = True

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        return _text_of if dialect.name == "sqlite" else None


class _StoredBytes(UserDefinedType[bytes]):
    cache_ok = True

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        return _bytes_of if dialect.name == "sqlite" else None


def _text_of(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _bytes_of(value: Any) -> Any:
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()


class _Text(FunctionElement[str]):
    """The stored text of a JSON column."""

    type = _StoredText()
    inherit_cache = True


class _Utf8(FunctionElement[bytes]):
    """The stored text of a JSON column, as bytes."""

    type = _StoredBytes()
    inherit_cache = True


@compiles(_Text, "postgresql")
def _text_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    # asyncpg decodes what it is told is JSON
    return f"CAST({compiler.process(element.clauses, **options)} AS TEXT)"


@compiles(_Text, "sqlite")
def _text_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_Utf8, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"convert_to(CAST({compiler.process(element.clauses, **options)} AS TEXT), 'UTF8')"


@compiles(_Utf8, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.clauses, **options)
    return f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) ELSE {column} END"


def to_text(value: Any) -> str:
    """The text a JSON column stores: what the legacy's driver writes, byte for byte."""
    return value.text if isinstance(value, JsonText) else json.dumps(value)


def as_text(column: InstrumentedAttribute[Any]) -> Label[str]:
    """The stored text of a JSON column, in a select; None for SQL NULL."""
    return _Text(column).label(column.key)


def as_bytes(column: InstrumentedAttribute[Any]) -> Label[bytes]:
    """As `as_text`, for what is only shown: megabytes are neither decoded nor encoded again."""
    return _Utf8(column).label(column.key)


def shown_bytes(data: bytes | None) -> JsonBytes:
    """A column read `as_bytes`."""
    return JsonBytes(NULL.encode() if data is None else data)


def is_null(text: str | None) -> bool:
    """Whether a column read `as_text` is null, by SQL or by JSON."""
    return text is None or text == NULL


def stored(text: str | None) -> JsonText:
    """A column read `as_text`, to be shown by `raw_json_reply` or stored in another row."""
    return JsonText(NULL if text is None else text)
