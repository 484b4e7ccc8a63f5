"""What the page is made of: its files, what it shows, the stream of news, the metrics."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from legacy_bridge.control.access import ControlAccess, ControlRefusedError
from legacy_bridge.control.dashboard.live import Live
from legacy_bridge.control.dashboard.log_in import session_routes
from legacy_bridge.telemetry.metrics import CONTENT_TYPE

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def dashboard_routes(
    live: Live,
    access: ControlAccess,
    metrics: Callable[[], Awaitable[bytes]],
    *,
    open_metrics: bool = False,
) -> APIRouter:
    """The page itself is open to everybody, and empty; what it shows is not."""
    guarded = [Depends(access.check)]
    router = APIRouter(include_in_schema=False)
    static = {one.name: one.read_bytes() for one in files(__package__).joinpath("static").iterdir()}

    @router.get("")
    async def no_slash(request: Request) -> Response:
        # Relative, so that it holds behind a proxy that adds a prefix.
        return RedirectResponse(f"{request.url.path.rsplit('/', 1)[1]}/", 308)

    @router.get("/")
    async def page() -> Response:
        return Response(static["page.html"], media_type="text/html", headers=_HEADERS)

    @router.get("/static/{name}")
    async def file(name: str) -> Response:
        kind = _TYPES.get(name[name.rfind(".") :])
        if kind is None or name not in static:
            return Response("no such file", 404, media_type="text/plain")
        return Response(static[name], media_type=kind, headers=_HEADERS)

    @router.get("/overview", dependencies=guarded)
    async def overview() -> Response:
        """As the status, with the traffic of each operation."""
        return Response(live.snapshot()[0], media_type="application/json", headers=_UNSTORED)

    @router.get("/events", dependencies=guarded)
    async def events(request: Request) -> Response:
        """The overview whenever it is new."""

        async def still_allowed() -> bool:
            try:
                await access.caller(request)
            except ControlRefusedError:
                return False
            return True

        return StreamingResponse(
            live.stream(still_allowed), media_type="text/event-stream", headers=_STREAMED
        )

    @router.get("/metrics", dependencies=[] if open_metrics else guarded)
    async def prometheus() -> Response:
        return Response(await metrics(), media_type=CONTENT_TYPE)

    router.include_router(session_routes(access))
    return router


_UNSTORED = {"Cache-Control": "no-store"}
_STREAMED = {**_UNSTORED, "X-Accel-Buffering": "no"}
