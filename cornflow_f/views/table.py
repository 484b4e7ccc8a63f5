"""`/table/…`. Source: the legacy's ``endpoints/tables.py``."""

from typing import Annotated, Any

from fastapi import Response

from cornflow_f.schemas.query import ListFilters
from cornflow_f.services import table as table_service
from cornflow_f.views.common import guarded_router
from cornflow_f.web.deps import SessionDep
from cornflow_f.web.guards import AccessDep
from cornflow_f.web.json_replies import raw_json_list_reply, raw_json_reply
from cornflow_f.web.query import query

router = guarded_router("Tables")


@router.get("/table/{table_name}/", name="tables", response_model=list[dict[str, Any]])
async def list_rows(
    table_name: str,
    filters: Annotated[ListFilters, query(ListFilters)],
    session: SessionDep,
    access: AccessDep,
) -> Response:
    rows = await table_service.rows(session, access, table_name, filters.sent_fields())
    return raw_json_list_reply(rows)


@router.get("/table/{table_name}/{idx}/", name="tables-detail", response_model=dict[str, Any])
async def get_row(table_name: str, idx: str, session: SessionDep) -> Response:
    return raw_json_reply(await table_service.row(session, table_name, idx))
