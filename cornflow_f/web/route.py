"""The route class of the port: reads a body as the legacy does, compresses where the legacy does."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi.params import Form
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from cornflow_f.config import Settings
from cornflow_f.validation.marshmallow import RequestModel
from cornflow_f.web.body import JsonRequest, LimitedBody
from cornflow_f.web.compression import compressed
from cornflow_f.web.deps import (
    GUARDS,
    get_session,
    let_go,
    open_session,
    require_permission,
    require_permission_to_sign_up,
)
from cornflow_f.web.fastapi_private import Dependant, depends_on_any, direct_calls, send_of
from cornflow_f.web.routing import legacy_rule


class PortRoute(APIRoute):
    """One operation of the port."""

    @property
    def rule(self) -> str:
        """The path as Flask writes it: what the permission tables know the route by."""
        return legacy_rule(self.path)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        field = self.body_field
        reads_json = field is not None and not isinstance(field.field_info, Form)
        model = _model_of(self.dependant) if reads_json else None
        inflates = inflate_request in direct_calls(self.dependant)
        uses_session = depends_on_any(self.dependant, [get_session])
        guarded = depends_on_any(self.dependant, GUARDS)
        only_signs_up = guarded and not depends_on_any(self.dependant, [require_permission])
        may_have_body = not (self.methods or set()) <= {"GET", "HEAD", "OPTIONS"}

        async def port_route_handler(request: Request) -> Response:
            _keep_first_values(request)
            json_request = None
            if may_have_body:
                settings: Settings = request.app.state.settings
                limit = settings.body_limit(request.method, self.rule, guarded)
                incoming = LimitedBody(request.scope, request.receive, limit)
                if reads_json:
                    request = json_request = JsonRequest(
                        request, incoming, inflates=inflates, model=model
                    )
                else:
                    request = Request(request.scope, incoming.receive, send_of(request))
            if uses_session:
                async with open_session(request) as session:
                    request.state.session = session
                    if json_request is not None:
                        has_more = await incoming.begin()
                        if guarded and (has_more or json_request.is_inflated):
                            await _ask_guard(request, session, only_signs_up)
                            if has_more:
                                # a slow client must not keep a connection from the others
                                await let_go(session)
                        await json_request.load()
                    response = await handle(request)
            else:
                if json_request is not None:
                    await json_request.load()
                response = await handle(request)
            if getattr(request.state, "compress", False):
                response = await compressed(request, response)
            if json_request is not None and json_request.is_large:
                await json_request.forget()
            return response

        return port_route_handler


async def _ask_guard(request: Request, session: AsyncSession, only_signs_up: bool) -> None:
    """The route's guard, before the body is read. It remembers its answer for when it is asked again."""
    if only_signs_up:
        await require_permission_to_sign_up(request, session, request.app.state.settings)
    else:
        await require_permission(request, session)


def _model_of(dependant: Dependant) -> type[RequestModel] | None:
    for field in dependant.body_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, RequestModel):
            return kind
    return None


def _keep_first_values(request: Request) -> None:
    """Of a query parameter given twice the legacy takes the first value, Starlette the last."""
    query: bytes = request.scope["query_string"]
    if b"&" not in query:
        return
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    first = dict(reversed(pairs))
    if len(first) < len(pairs):
        request.scope["query_string"] = urlencode(first).encode("latin-1")


# A coroutine: FastAPI would send a plain function to a thread.
async def compress_reply(request: Request) -> None:
    """Route dependency: the reply may be compressed. Placed after the permission check, as in the legacy."""
    request.state.compress = True


async def inflate_request() -> None:
    """Route dependency, a mark: the body may be sent gzip-encoded."""
