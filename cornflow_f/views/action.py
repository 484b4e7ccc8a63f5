"""`/action/`. Source: the legacy's ``endpoints/action.py``."""

from collections.abc import Sequence

from cornflow_f.deps import SessionDep
from cornflow_f.models import Action
from cornflow_f.schemas.action import ActionReply
from cornflow_f.services import catalogue
from cornflow_f.views.common import guarded_router

router = guarded_router("Actions")


@router.get("/action/", name="actions", response_model=list[ActionReply])
async def list_actions(session: SessionDep) -> Sequence[Action]:
    return await catalogue.list_actions(session)
