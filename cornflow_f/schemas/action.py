"""Actions. Source: the legacy's ``schemas/action.py``."""

from cornflow_f.schemas.common import ReplyModel, SpacedName


class ActionReply(ReplyModel):
    id: int
    name: SpacedName
