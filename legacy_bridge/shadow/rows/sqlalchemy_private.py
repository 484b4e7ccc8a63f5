"""What the live comparison uses of SQLAlchemy that its documents do not promise: each use is here.

`tests/packages/test_private_apis.py` says what of it a new version broke; the upper bound of SQLAlchemy
in `distributions/legacy-bridge` is the newest that was tested.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Delete, Update


def conditions_of(statement: Update | Delete) -> tuple[ColumnElement[Any], ...]:
    """The parts of its WHERE."""
    return statement._where_criteria


def columns_set(statement: Update) -> Iterable[Any]:
    """The columns, or their names, to which `values()` gives something."""
    return statement._values or ()


def state_of(row: Any) -> Any:
    """The record that the session keeps of a mapped object: `inspect(row)` without its checks."""
    return row._sa_instance_state


def insertion_number(row: Any) -> int:
    """Its place among the objects that one flush inserts; 0 before there is one."""
    order: int = getattr(state_of(row), "insert_order", 0) or 0
    return order
