"""Plants in requests and replies."""

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.validation.marshmallow import Float, RequestModel, Text


class PlantRequest(RequestModel):
    name: Text
    capacity: Float


class PlantEditRequest(RequestModel):
    capacity: Float


class PlantReply(ReplyModel):
    id: int
    name: str
    capacity: float
    user_id: int


class Units(ReplyModel):
    capacity: str
