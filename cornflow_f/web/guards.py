"""What a route demands before its view runs: whose objects it may see, permission on a workflow."""

from typing import Annotated

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cornflow_f.errors import InvalidData, NoPermission
from cornflow_f.identity import Access
from cornflow_f.services import dag_access
from cornflow_f.web.body import MALFORMED, UNREADABLE, JsonRequest
from cornflow_f.web.deps import SessionDep, SettingsDep, UserDep

NOT_JSON = (
    "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
)
NOT_UNDERSTOOD = "The browser (or proxy) sent a request that this server could not understand."


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
