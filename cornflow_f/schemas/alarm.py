"""Alarms. Source: the legacy's ``schemas/alarms.py`` and ``schemas/main_alarms.py``."""

from typing import Annotated

from pydantic import Field

from cornflow_f.schemas.common import ReplyModel
from cornflow_f.schemas.data import Schema
from cornflow_f.schemas.query import QueryModel
from cornflow_f.validation import Int, Number, RequestModel, Text

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


class AlarmReply(ReplyModel):
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


class MainAlarmReply(ReplyModel):
    id: int
    id_alarm: int
    criticality: float
    message: str
    schema_: Schema
