"""`/alarms/…` and `/main-alarms/`. Source: the legacy's ``endpoints/alarms.py`` and ``main_alarms.py``.

Only there when `CF_ALARMS_ENDPOINT` is set.
"""

from collections.abc import Sequence
from typing import Annotated

from cornflow_f.models import Alarm, MainAlarm
from cornflow_f.schemas.alarm import (
    AlarmEditRequest,
    AlarmFilters,
    AlarmReply,
    AlarmRequest,
    MainAlarmFilters,
    MainAlarmReply,
    MainAlarmRequest,
)
from cornflow_f.schemas.common import Message
from cornflow_f.services import alarm as alarm_service
from cornflow_f.services import persistence
from cornflow_f.views.common import guarded_router
from cornflow_f.web.deps import SessionDep
from cornflow_f.web.query import query

router = guarded_router("Alarms")


@router.get("/alarms/", name="alarms", response_model=list[AlarmReply])
async def list_alarms(
    filters: Annotated[AlarmFilters, query(AlarmFilters)], session: SessionDep
) -> Sequence[Alarm]:
    return await alarm_service.list_all(session, Alarm, filters.sent_fields())


@router.post("/alarms/", name="alarms", response_model=AlarmReply, status_code=201)
async def create_alarm(data: AlarmRequest, session: SessionDep) -> Alarm:
    return await alarm_service.create(session, Alarm, data.sent_fields())


@router.get("/alarms/{idx:int}/", name="alarms-detail", response_model=AlarmReply)
async def get_alarm(idx: int, session: SessionDep) -> Alarm:
    return await persistence.get(session, Alarm, idx)


@router.put("/alarms/{idx:int}/", name="alarms-detail", response_model=Message)
async def edit_alarm(idx: int, data: AlarmEditRequest, session: SessionDep) -> Message:
    await alarm_service.edit(session, idx, data.sent_fields())
    return Message(message="Updated correctly")


@router.delete("/alarms/{idx:int}/", name="alarms-detail", response_model=Message)
async def disable_alarm(idx: int, session: SessionDep) -> Message:
    await alarm_service.disable(session, idx)
    return Message(message="Object marked as disabled")


@router.get("/main-alarms/", name="main-alarms", response_model=list[MainAlarmReply])
async def list_main_alarms(
    filters: Annotated[MainAlarmFilters, query(MainAlarmFilters)], session: SessionDep
) -> Sequence[MainAlarm]:
    return await alarm_service.list_all(session, MainAlarm, filters.sent_fields())


@router.post("/main-alarms/", name="main-alarms", response_model=MainAlarmReply, status_code=201)
async def create_main_alarm(data: MainAlarmRequest, session: SessionDep) -> MainAlarm:
    return await alarm_service.create(session, MainAlarm, data.sent_fields())
