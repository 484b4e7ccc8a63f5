"""`/apiview/`. Source: the legacy's ``endpoints/apiview.py``."""

from collections.abc import Sequence

from cornflow_f.deps import SessionDep
from cornflow_f.models import View
from cornflow_f.schemas.view import ViewReply
from cornflow_f.services import catalogue
from cornflow_f.views.common import guarded_router

router = guarded_router("ApiViews")


@router.get("/apiview/", name="api-view", response_model=list[ViewReply])
async def list_views(session: SessionDep) -> Sequence[View]:
    return await catalogue.list_views(session)
