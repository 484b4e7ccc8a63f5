"""JSON patches of cases: applying one, and finding the one between two cases.

Source: ``models/case.py`` (patch) and ``endpoints/case.py`` (CaseCompare).
"""

import json
from collections.abc import Mapping
from typing import Any

import jsonpatch
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.database.clock import database_now
from cornflow_f.database.json_text import NULL, JsonText, as_text, stored
from cornflow_f.errors import InvalidData, InvalidPatch, NotFound
from cornflow_f.identity import Access
from cornflow_f.models import Case
from cornflow_f.offload import is_long, offload_if
from cornflow_f.services import owned, persistence
from cornflow_f.services.instance import encoded

_BAD_PATCH = (
    jsonpatch.JsonPatchException,
    jsonpatch.JsonPointerException,
    TypeError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
)
_OUTDATED = {
    "data": ("checks", "solution_checks", "kpis"),
    "solution": ("solution_checks", "kpis"),
}
"""What is no longer valid once a document has changed."""
_SHOWN = ("op", "path", "value")


async def apply(
    session: AsyncSession, access: Access, idx: int, patches: Mapping[str, list[Any]]
) -> None:
    """Patches the data or the solution of a case, or both."""
    documents = [as_text(Case.data), as_text(Case.solution)]
    row = await owned.get(session, Case, access, idx, (Case.id, Case.path, *documents))
    changes: dict[str, Any] = {"user_id": access.user.id, "updated_at": database_now()}
    for name, outdated in _OUTDATED.items():
        if f"{name}_patch" not in patches:
            continue
        text = stored(row._mapping[name]).text
        patched = await offload_if(is_long(text), _patched, text, patches[f"{name}_patch"])
        changes[name], changes[f"{name}_hash"] = patched
        changes |= dict.fromkeys(outdated, JsonText(NULL))
    statement = update(Case).where(Case.id == row.id).values(**changes)
    subject = f"<Case {row.id}. Path: {row.path}>"
    await persistence.execute(session, "updating", subject, statement)


def _patched(text: str, patch: list[Any]) -> tuple[JsonText, str]:
    try:
        return encoded(jsonpatch.apply_patch(json.loads(text), patch, in_place=True))
    except _BAD_PATCH as error:
        raise InvalidPatch from error


async def compare(
    session: AsyncSession, access: Access, first: int, second: int, parts: Mapping[str, bool]
) -> dict[str, list[dict[str, Any]]]:
    """The patches that turn the first case into the second, of the asked `parts`."""
    if first == second:
        raise InvalidData("The case identifiers should be different.")
    asked = [name for name in _OUTDATED if parts.get(name, True)]
    columns = (Case.schema, *(as_text(getattr(Case, name)) for name in asked))
    rows = await owned.find_both(session, Case, access, (first, second), columns)
    for place, idx in (("first", first), ("second", second)):
        if idx not in rows:
            raise NotFound(f"You don't have access to the {place} case or it doesn't exist")
    one, other = rows[first], rows[second]
    if one.schema != other.schema:
        raise InvalidData("The cases asked to compare do not share the same schema")
    patches = {}
    for name in asked:
        texts = (stored(one._mapping[name]).text, stored(other._mapping[name]).text)
        patches[f"{name}_patch"] = await offload_if(any(map(is_long, texts)), _between, *texts)
    return patches


def _between(text: str, other: str) -> list[dict[str, Any]]:
    steps = jsonpatch.make_patch(json.loads(text), json.loads(other)).patch
    # parity: a step's `from` is not shown, so moves can't be replayed (schemas/patch.py)
    return [{name: step[name] for name in _SHOWN if name in step} for step in steps]
