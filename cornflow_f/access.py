"""Whose objects a request may see."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy import ColumnElement
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cornflow_f.body import MALFORMED, UNREADABLE, JsonRequest
from cornflow_f.deps import SessionDep, SettingsDep, UserDep
from cornflow_f.errors import InvalidData, NoPermission
from cornflow_f.identity import CurrentUser
from cornflow_f.services import dag_access

NOT_JSON = (
    "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
)
NOT_UNDERSTOOD = "The browser (or proxy) sent a request that this server could not understand."


@dataclass(frozen=True, slots=True)
class Access:
    """A user and whether the deployment shares all objects (`USER_ACCESS_ALL_OBJECTS`)."""

    user: CurrentUser
    shared: bool

    @property
    def to_all(self) -> bool:
        return self.shared or self.user.is_admin or self.user.is_service_user

    def conditions(self, model: Any) -> list[ColumnElement[bool]]:
        """For a where clause: not deleted, and the user's own unless all are accessible."""
        live = [model.deleted_at.is_(None)]
        return live if self.to_all else [*live, model.user_id == self.user.id]


async def get_access(request: Request, user: UserDep) -> Access:
    return Access(user, bool(request.app.state.settings.user_access_all_objects))


AccessDep = Annotated[Access, Depends(get_access)]


async def require_dag_permission(
    request: Request, session: SessionDep, user: UserDep, settings: SettingsDep
) -> None:
    """Guard of routes that name a workflow in their body, when the deployment is not open to all.

    It reads the body before it is validated and, unlike the route, never inflates it.
    """
    if settings.open_deployment:
        return
    if not isinstance(request, JsonRequest):
        # the operation itself takes no body
        request = JsonRequest(request)
        await request.body()
    if not request.says_json:
        raise HTTPException(415, NOT_JSON)
    body = await request.json()
    if body is MALFORMED:
        # parity: Flask's own reading, which the legacy's guard uses, knows more encodings than webargs'
        body = request.marked_json()
    if any(body is one for one in UNREADABLE) or request.is_inflated or request.is_empty:
        raise HTTPException(400, NOT_UNDERSTOOD)
    dag_id = body.get("schema") if isinstance(body, dict) else None
    if dag_id is None:
        raise InvalidData("The request does not specify a schema to use")
    if not isinstance(dag_id, str) or not await dag_access.may_use(session, user.id, dag_id):
        raise NoPermission("You do not have permission to use this DAG")
