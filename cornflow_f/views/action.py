"""`/action/`. Source: the legacy's ``endpoints/action.py``."""

from collections.abc import Sequence

from cornflow_f.models import Action
from cornflow_f.schemas.action import ActionReply
from cornflow_f.services import action_and_view
from cornflow_f.views.common import guarded_router
from cornflow_f.web.deps import SessionDep

router = guarded_router("Actions")


@router.get("/action/", name="actions", response_model=list[ActionReply])
async def list_actions(session: SessionDep) -> Sequence[Action]:
    return await action_and_view.list_actions(session)
