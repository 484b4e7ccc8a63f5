"""What tables have in common: trace columns, JSON data with its hash, and how generated ids are made.

Sources: the legacy's ``models/meta_models.py``, ``models/base_data_model.py`` and ``shared/utils.py``.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cornflow_f.database.clock import database_now
from cornflow_f.database.engine import Base


def hash_json(data: object) -> str:
    """SHA-256 of the JSON text with sorted keys and no blanks: `data_hash`, `solution_hash`."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def generated_id(created_at: datetime, *parts: object) -> str:
    """The id of an instance (part: user) or an execution (parts: user, instance): a SHA-1 in hex.

    `created_at` is as the row says it; the legacy digests the text of the aware value, in UTC.
    """
    text = " ".join((f"{created_at}+00:00", *map(str, parts)))
    return hashlib.sha1(text.encode()).hexdigest()


class TracedBase(Base):
    """A row that knows when it was made and changed, and may be hidden instead of deleted."""

    __abstract__ = True

    created_at: Mapped[datetime] = mapped_column(DateTime)
    updated_at: Mapped[datetime] = mapped_column(DateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime)

    def __init__(self, **values: Any) -> None:
        values.setdefault("created_at", database_now())
        values.setdefault("updated_at", database_now())
        for column in self.__table__.columns:
            if isinstance(column.type, JSON):
                # parity: the legacy assigns every JSON column, so a missing value is stored as
                # JSON `null` and not as SQL NULL (models/base_data_model.py, models/dag.py)
                values.setdefault(column.name, None)
        super().__init__(**values)


class DataBase(TracedBase):
    """A row with a user's data: instances, executions, cases."""

    __abstract__ = True

    data: Mapped[Any] = mapped_column(JSON, nullable=True)
    checks: Mapped[Any] = mapped_column(JSON, nullable=True)
    name: Mapped[str] = mapped_column(String(256))
    description: Mapped[str | None] = mapped_column(Text)
    data_hash: Mapped[str] = mapped_column(String(256))
    schema: Mapped[str | None] = mapped_column(String(256))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))

    def __init__(self, **values: Any) -> None:
        if "data_hash" not in values:
            values["data_hash"] = hash_json(values.get("data"))
        super().__init__(**values)
