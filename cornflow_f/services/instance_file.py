"""Instances from MPS files. Source: ``endpoints/instance.py``, InstanceFileEndpoint."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cornflow_f.errors import InvalidUsage
from cornflow_f.models import Instance
from cornflow_f.services import instance as instance_service
from cornflow_f.services import mps
from cornflow_f.services.deployed_schema import DEFAULT_WORKFLOW


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the client names it, and how to read it."""

    filename: str
    read: Callable[[], Awaitable[bytes]]


async def create(
    session: AsyncSession, user_id: int, values: Mapping[str, Any], file: Upload | None
) -> Instance:
    if "description" not in values:
        raise InvalidUsage("{'form': {'description': ['Missing data for required field.']}}")
    if file is None:
        raise InvalidUsage("No file was provided")
    if not mps.is_allowed(file.filename):
        # parity: the text of a Python set, whose order the legacy leaves to chance
        raise InvalidUsage(
            "Could not open file to upload. Check the extension matches {'lp', 'mps'}"
        )
    content = await file.read()
    minimize = values.get("minimize", True)
    problem = await asyncio.to_thread(mps.read, content, minimize=minimize)
    # parity: not checked against the schema of the workflow
    return await instance_service.add(
        session,
        user_id,
        data=problem,
        name=values["name"],
        description=values["description"],
        schema=DEFAULT_WORKFLOW,
    )
