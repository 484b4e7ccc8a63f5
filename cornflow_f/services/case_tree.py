"""The tree of cases: folders are cases without data, `path` names the folders above.

Source: ``models/case.py`` (from_parent_id, move_to, delete).
"""

from typing import Any

from sqlalchemy import ColumnElement, func, literal, update
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.errors import InvalidData, NotFound
from cornflow_f.identity import Access
from cornflow_f.models import Case
from cornflow_f.models.case import SEPARATOR
from cornflow_f.services import case_columns, owned


def path_below(path: str, idx: int) -> str:
    """The path of what lies directly in a folder."""
    return f"{path}{idx}{SEPARATOR}"


def is_below(path: str, idx: int) -> ColumnElement[bool]:
    """A condition: everything in a folder, at any depth, whoever owns it."""
    return Case.path.startswith(path_below(path, idx), autoescape=True)


async def path_in(session: AsyncSession, access: Access, parent_id: int | None) -> str:
    """The path of a new case in this folder; at the root without one."""
    if parent_id is None:
        return ""
    columns = (Case.id, Case.path, case_columns.is_dir(session))
    parent = await owned.find(session, Case, access, parent_id, columns)
    if parent is None:
        raise NotFound("Parent does not exist")
    if not parent.is_dir:
        raise InvalidData("Parent cannot be a case")
    return path_below(parent.path, parent.id)


async def moves(
    session: AsyncSession, access: Access, idx: int, parent_id: int | None
) -> tuple[list[Any], dict[str, str]]:
    """What moves a case with everything below it: statements, and the new values of its own row."""
    # parity: here the message ends with a dot (endpoints/case.py, CaseDetailsEndpoint.put)
    missing = NotFound(f"{NotFound.message}.")
    columns = (Case.id, Case.path)
    case = await owned.find(session, Case, access, idx, columns)
    if case is None:
        raise missing
    path = ""
    if parent_id is not None:
        parent = await owned.find(session, Case, access, parent_id, columns)
        if parent is None:
            raise missing
        # parity: that may be a case with data, or one below the moved case, or that case itself
        path = path_below(parent.path, parent.id)
    below = (
        update(Case)
        .where(is_below(case.path, case.id))
        .values(path=literal(path) + func.substr(Case.path, len(case.path) + 1))
    )
    return [below], {"path": path}
