"""Alarms. Source: the legacy's ``schemas/alarms.py`` and ``schemas/main_alarms.py``."""

from typing import Annotated

from pydantic import ConfigDict, Field

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.schemas.data import Schema
from cornflow_f.schemas.query import QueryModel
from cornflow_f.validation.marshmallow import Int, Number, RequestModel, Text

_Schema = Annotated[Text, Field(alias="schema")]


class AlarmFilters(QueryModel):
    schema_: _Schema = ""
    criticality: Number | None = None


class AlarmRequest(RequestModel):
    name: Text
    criticality: Number
    description: Text
    schema_: _Schema = ""


class AlarmEditRequest(RequestModel):
    name: Text = ""
    criticality: Number = 0
    description: Text = ""
    schema_: _Schema = ""


class _Numbers(ReplyModel):
    # parity: NaN and the infinities are written as Python writes them
    model_config = ConfigDict(ser_json_inf_nan="constants")


class AlarmReply(_Numbers):
    id: int
    name: str
    criticality: float
    description: str
    schema_: Schema


class MainAlarmFilters(QueryModel):
    schema_: _Schema = ""
    id_alarm: Int | None = None
    criticality: Number | None = None


class MainAlarmRequest(RequestModel):
    id_alarm: Int
    criticality: Number
    message: Text
    schema_: _Schema = ""


class MainAlarmReply(_Numbers):
    id: int
    id_alarm: int
    criticality: float
    message: str
    schema_: Schema
