"""`/apiview/`. Source: the legacy's ``endpoints/apiview.py``."""

from collections.abc import Sequence

from cornflow_f.models import View
from cornflow_f.schemas.view import ViewReply
from cornflow_f.services import action_and_view
from cornflow_f.views.common import guarded_router
from cornflow_f.web.deps import SessionDep

router = guarded_router("ApiViews")


@router.get("/apiview/", name="api-view", response_model=list[ViewReply])
async def list_views(session: SessionDep) -> Sequence[View]:
    return await action_and_view.list_views(session)
