"""Views: the endpoints the permission tables know. Source: the legacy's ``schemas/view.py``."""

from cornflow_f.schemas.common import ReplyModel, SpacedName


class ViewReply(ReplyModel):
    id: int
    name: SpacedName
    url_rule: str
    description: str | None
