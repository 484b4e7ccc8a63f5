"""A case: an instance and its solution kept together, in a tree of folders.

`path` holds the ids of the folders above, each followed by a slash; empty at the root.
"""

from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cornflow_f.models.base import DataBase, hash_json

if TYPE_CHECKING:
    from cornflow_f.models.user import User

SEPARATOR = "/"


class Case(DataBase):
    __tablename__ = "cases"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(500), index=True)
    solution: Mapped[Any] = mapped_column(JSON, nullable=True)
    solution_hash: Mapped[str] = mapped_column(String(256))
    solution_checks: Mapped[Any] = mapped_column(JSON, nullable=True)
    kpis: Mapped[Any] = mapped_column(JSON, nullable=True)

    user: Mapped["User"] = relationship(viewonly=True, lazy="raise")

    def __init__(self, **values: Any) -> None:
        values.setdefault("path", "")
        if "solution_hash" not in values:
            values["solution_hash"] = hash_json(values.get("solution"))
        super().__init__(**values)

    @property
    def path_of_children(self) -> str:
        return f"{self.path}{self.id}{SEPARATOR}"

    def __repr__(self) -> str:
        return f"<Case {self.id}. Path: {self.path}>"
