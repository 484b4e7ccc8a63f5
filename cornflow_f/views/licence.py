"""`/licences/`. Source: the legacy's ``endpoints/licenses.py``."""

import asyncio
from typing import Annotated

from pydantic import Field

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.services import licence as licence_service
from cornflow_f.views.common import guarded_router

router = guarded_router("Licenses")


class Licence(ReplyModel):
    library: str
    license: str
    version: str
    author: str
    description: str
    home_page: Annotated[str, Field(alias="home page")]


@router.get("/licences/", name="licences", response_model=list[Licence])
async def list_licences() -> list[dict[str, str]]:
    return await asyncio.to_thread(licence_service.list_all)
