"""Health. Source: the legacy's ``schemas/health.py``."""

from cornflow_f.schemas.common import ReplyModel


class HealthReply(ReplyModel):
    cornflow_status: str
    backend_status: str
    cornflow_version: str
